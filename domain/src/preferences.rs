//! What a user likes.

use crate::task::{ReminderMinutes, TimeZone, names};
use serde::Serialize;

/// A user's preferences. Its JSON is that of `/api/preferences`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Preferences {
    pub time_zone: TimeZone,
    /// The lead time of a task that names none; null: no upcoming reminder.
    pub default_reminder_minutes: Option<ReminderMinutes>,
    pub theme: Theme,
}

/// The dashboard's colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

names!(Theme, "a theme", System = "system", Light = "light", Dark = "dark");

impl Default for Preferences {
    fn default() -> Self {
        Self { time_zone: TimeZone::UTC, default_reminder_minutes: ReminderMinutes::new(60).ok(), theme: Theme::System }
    }
}
