//! Content lines of iCalendar: unfolded, and taken apart (RFC 5545 sections 3.1 to 3.3).

use std::borrow::Cow;
use std::iter::Peekable;

/// The content lines of a text, each with the number of the line on which it begins. Empty ones are left out.
pub(super) fn unfolded(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut lines = (1..).zip(text.lines()).peekable();
    std::iter::from_fn(move || {
        let (number, first) = lines.find(|(_, line)| !line.trim().is_empty())?;
        // There is nothing that it could go on with.
        let mut line = Cow::Borrowed(first.trim_start());
        while let Some(more) = continued(&mut lines) {
            line.to_mut().push_str(more);
        }
        Some((number, line))
    })
}

/// A line that begins with a space or a tab goes on with the one before.
fn continued<'a>(lines: &mut Peekable<impl Iterator<Item = (usize, &'a str)>>) -> Option<&'a str> {
    let (_, line) = lines.next_if(|(_, line)| line.starts_with([' ', '\t']))?;
    line.get(1..)
}

/// One property.
pub(super) struct Property<'a> {
    /// In capitals.
    pub(super) name: String,
    params: &'a str,
    pub(super) value: &'a str,
}

impl<'a> Property<'a> {
    /// None where the line is no property.
    pub(super) fn of(line: &'a str) -> Option<Self> {
        let mut quoted = false;
        let colon = line.find(|c| {
            quoted ^= c == '"';
            c == ':' && !quoted
        })?;
        let (head, value) = (line.get(..colon)?, line.get(colon + 1..)?);
        let (name, params) = head.split_once(';').unwrap_or((head, ""));
        let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
        // A group, which vCard has and some calendars too, names nothing.
        let name = name.rsplit('.').next().unwrap_or(name);
        (!name.is_empty() && name.chars().all(good)).then(|| Self { name: name.to_ascii_uppercase(), params, value })
    }

    /// A parameter's value, without its quotes.
    pub(super) fn param(&self, name: &str) -> Option<&'a str> {
        let mut quoted = false;
        let mut params = self.params.split(|c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        });
        let value =
            params.find_map(|param| param.split_once('=').filter(|(found, _)| found.trim().eq_ignore_ascii_case(name)))?.1;
        Some(value.trim().trim_matches('"'))
    }
}

/// A TEXT value as it is meant.
pub(super) fn text(value: &str) -> String {
    texts(value, None).swap_remove(0)
}

/// The values of a list of TEXT.
pub(super) fn list(value: &str) -> Vec<String> {
    texts(value, Some(','))
}

/// At least one.
fn texts(value: &str, separator: Option<char>) -> Vec<String> {
    let (mut whole, mut current) = (Vec::new(), String::with_capacity(value.len()));
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => current.push('\n'),
                Some(c @ ('\\' | ';' | ',' | ':' | '"')) => current.push(c),
                // Nothing that the standard knows: as it stands.
                Some(c) => current.extend(['\\', c]),
                None => current.push('\\'),
            },
            c if Some(c) == separator => whole.push(std::mem::take(&mut current)),
            c => current.push(c),
        }
    }
    whole.push(current);
    whole
}

/// A DURATION (section 3.3.6) in seconds.
pub(super) fn seconds(value: &str) -> Option<i64> {
    let (sign, rest) = match value.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, value.strip_prefix('+').unwrap_or(value)),
    };
    let rest = rest.strip_prefix('P').filter(|rest| !rest.is_empty())?;
    let (mut all, mut number, mut in_time) = (0_i64, String::new(), false);
    for c in rest.chars() {
        let unit = match (c, in_time) {
            ('0'..='9', _) => {
                number.push(c);
                continue;
            }
            ('T', false) if number.is_empty() => {
                in_time = true;
                continue;
            }
            ('W', false) => 7 * 86_400,
            ('D', false) => 86_400,
            ('H', true) => 3_600,
            ('M', true) => 60,
            ('S', true) => 1,
            _ => return None,
        };
        let count: i64 = std::mem::take(&mut number).parse().ok()?;
        all = all.checked_add(count.checked_mul(unit)?)?;
    }
    number.is_empty().then_some(sign * all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_unfolded_and_counted_as_they_stand() {
        let text = "SUMMARY:one\r\n  two\r\n\tthree\r\n\r\nUID:x\n";
        let lines: Vec<_> = unfolded(text).map(|(number, line)| (number, line.into_owned())).collect();
        assert_eq!(lines, [(1, "SUMMARY:one twothree".to_owned()), (5, "UID:x".to_owned())]);
    }

    #[test]
    fn a_property_has_parameters_that_may_be_quoted() {
        let property = Property::of("due;X-A=\"a:b;c\";tzid=\"Europe/Berlin\":20260501T090000").unwrap();
        assert_eq!((property.name.as_str(), property.value), ("DUE", "20260501T090000"));
        assert_eq!((property.param("TZID"), property.param("X-A")), (Some("Europe/Berlin"), Some("a:b;c")));
        assert!(property.param("VALUE").is_none());
        for bad in ["", "no colon", ":value", "two words:value", "a;b=\"c:d"] {
            assert!(Property::of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn text_is_unescaped() {
        assert_eq!(text(r"a\, b\; c\\n\nd \x \"), "a, b; c\\n\nd \\x \\");
        assert_eq!(list(r"a\,b,home,"), ["a,b", "home", ""]);
    }

    #[test]
    fn durations_are_seconds() {
        for (value, is) in [("-PT90M", -5_400), ("P1W", 604_800), ("P1DT2H3M4S", 93_784), ("+PT0S", 0), ("-P0D", 0)] {
            assert_eq!(seconds(value), Some(is), "{value}");
        }
        for bad in ["", "P", "PT1", "1D", "P1M", "PT1D", "P99999999999999999W", "PTM", "PT1H-1M"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(?s).{0,60}", value in "[-+PTWDHMS0-9]{0,30}") {
            let _ = Property::of(&text).map(|property| property.param("TZID").map(str::len));
            let _ = (super::text(&text), list(&text), seconds(&value));
        }
    }
}
