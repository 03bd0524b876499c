//! What clients send, read into values that hold only what is good. Every fault is collected, with its path, before one is told.
//!
//! The size of a body is bounded by who reads it from the wire, its depth by serde_json (128), the faults told by [`MOST_FAULTS`].

mod account;
mod batch;
mod fields;
mod params;
mod task;

pub use account::{LEAST_PASSWORD, MOST_PASSWORD, NewToken};
pub use account::{Password, PasswordChange, SignIn, SignUp, account_deletion, new_token, password_change, sign_in, sign_up};
pub use batch::{MOST_OPERATIONS, batch};
pub use params::{Format, HistoryParams, NotificationParams};
pub use params::{
    ImportParams, export_format, history_params, import_params, list_params, no_params, notification_params, reach,
};
pub(crate) use task::{NEEDS_DUE_DATE, new_task_of};
pub use task::{PreferencesPatch, completion, new_task, preferences_patch, preview, snooze, task_patch};

/// As many faults are told of one request.
pub const MOST_FAULTS: usize = 50;

#[cfg(test)]
mod tests;
