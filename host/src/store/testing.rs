//! What tests of more than one module need.

use super::LoggedEvent;
use domain::time::Timestamp;
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

/// An event of a user that says nothing.
pub fn event(user: &str, position: i64) -> LoggedEvent {
    LoggedEvent {
        position,
        topic: "task-events".to_owned(),
        user: user.parse().unwrap(),
        sequence: None,
        id: Uuid::from_u128(position as u128),
        kind: "task.created".to_owned(),
        time: Timestamp::from_millis(position).unwrap(),
        body: Arc::from(RawValue::from_string("{}".to_owned()).unwrap()),
        headers: None,
    }
}
