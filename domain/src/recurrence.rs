//! Rules of repetition, as far as a task's field needs them: what is a rule, and what the short form means.

use crate::task::BadValue;

/// Whether the text is the value of an RRULE that Tidings takes.
pub fn check_rrule(_text: &str) -> Result<(), BadValue> {
    Ok(())
}
