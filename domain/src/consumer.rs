//! An event as it reaches a consumer, and what a consumer answers: the domain's side of `tidings:app/event-consumer`.

use crate::event::DATA_VERSION;
use crate::id::TaskId;
use crate::notification::{NoticeKind, Reminder};
use crate::ports::Failure;
use crate::task::Title;
use crate::time::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// A CloudEvent, as far as a consumer needs it.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The same however often it comes.
    pub id: Uuid,
    pub topic: String,
    /// The CloudEvents type, such as `task.completed`.
    pub kind: String,
    pub time: Timestamp,
    /// The version of `data`.
    pub data_version: u32,
    pub data: Box<RawValue>,
}

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Acknowledged.
    Done,
    /// It comes again, after this time at the earliest; after the fifth time it goes to the dead-letter topic.
    Retry(Duration),
    /// It goes to the dead-letter topic at once, with this reason.
    Reject(String),
}

/// What a port's failure means for the event at hand. An account that is gone needs nothing done.
impl From<Failure> for Disposition {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Ended => Self::Done,
            Failure::Conflict => Self::Retry(Duration::from_millis(50)),
            Failure::Unavailable(_) => Self::Retry(Duration::from_secs(1)),
            refused @ (Failure::Forbidden(_) | Failure::Invalid(_)) => Self::Reject(refused.to_string()),
        }
    }
}

/// What a consumer reads of a `task.*` event. The task's state it reads from the store: an event may come late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    pub task_id: TaskId,
    pub changed_fields: Vec<String>,
}

impl Incoming {
    /// The data of a `task.*` event; otherwise the reason to reject it.
    pub fn task_event(&self) -> Result<TaskEvent, String> {
        #[derive(Deserialize)]
        struct Data {
            task_id: TaskId,
            changed_fields: BTreeMap<String, IgnoredAny>,
        }
        let data: Data = self.data()?;
        Ok(TaskEvent { task_id: data.task_id, changed_fields: data.changed_fields.into_keys().collect() })
    }

    /// The reminder of a `reminder.*` event; otherwise the reason to reject it.
    pub fn reminder(&self) -> Result<Reminder, String> {
        #[derive(Deserialize)]
        struct Data {
            task_id: TaskId,
            title: String,
            due_date: Timestamp,
            link: String,
        }
        let Data { task_id, title, due_date, link } = self.data()?;
        let kind = NoticeKind::new(&self.kind).map_err(|why| why.to_string())?;
        let title = Title::new(&title).map_err(|why| why.to_string())?;
        Ok(Reminder { id: self.id, kind, task_id, title, due_date, link })
    }

    /// Members that are unknown are left: a version may grow.
    fn data<'a, T: Deserialize<'a>>(&'a self) -> Result<T, String> {
        let Self { kind, data_version, .. } = self;
        if *data_version != DATA_VERSION {
            return Err(format!("{kind} has data of version {data_version}; known is {DATA_VERSION}"));
        }
        serde_json::from_str(self.data.get()).map_err(|why| format!("the data of {kind} is not what it should be: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn incoming(kind: &str, data: &str) -> Incoming {
        let time = Timestamp::parse("2026-05-01T09:00:00Z").unwrap();
        let data = RawValue::from_string(data.to_owned()).unwrap();
        Incoming { id: Uuid::from_u128(1), topic: String::new(), kind: kind.to_owned(), time, data_version: 1, data }
    }

    const REMINDER: &str = r#"{"reminder_type":"overdue","task_id":"01890a5d-ac96-774b-bcce-b302099a8057","user_id":"ada",
        "title":"Water","due_date":"2026-05-01T09:00:00Z","link":"/?task=1","since_later":{}}"#;

    #[test]
    fn what_is_new_in_a_version_is_left() {
        let reminder = incoming("reminder.overdue", REMINDER).reminder().unwrap();
        assert_eq!((reminder.kind, reminder.title.as_str(), reminder.id), (NoticeKind::Overdue, "Water", Uuid::from_u128(1)));
        let data =
            r#"{"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","changed_fields":{"due_date":{"old":null,"new":1}},"x":1}"#;
        assert_eq!(incoming("task.updated", data).task_event().unwrap().changed_fields, ["due_date"]);
    }

    #[test]
    fn another_version_and_other_data_are_rejected() {
        let newer = Incoming { data_version: 2, ..incoming("reminder.overdue", REMINDER) };
        assert_eq!(newer.reminder(), Err("reminder.overdue has data of version 2; known is 1".to_owned()));
        assert_eq!(newer.task_event().unwrap_err(), "reminder.overdue has data of version 2; known is 1");
        assert!(incoming("reminder.sometime", REMINDER).reminder().is_err());
        assert!(incoming("reminder.overdue", &REMINDER.replace("Water", " ")).reminder().is_err());
        assert!(incoming("reminder.overdue", &REMINDER.replace("2026", "today")).reminder().is_err());
    }

    #[test]
    fn a_failure_that_passes_is_tried_again_and_one_that_stays_is_not() {
        assert!(matches!(Failure::Conflict.into(), Disposition::Retry(_)));
        assert!(matches!(Failure::Unavailable("full".to_owned()).into(), Disposition::Retry(_)));
        assert_eq!(Disposition::from(Failure::Ended), Disposition::Done);
        let refused = Disposition::Reject("this needs the scope tasks:write".to_owned());
        assert_eq!(Disposition::from(Failure::Forbidden("tasks:write".to_owned())), refused);
    }

    proptest! {
        #[test]
        fn no_data_panics(data in r#"\{("(task_id|changed_fields|title|due_date|link)":("[a-z0-9-]{0,9}"|\{\}|null|[0-9]),){0,5}"x":\[\]\}"#) {
            prop_assert!(incoming("reminder.upcoming", &data).reminder().is_err());
            prop_assert!(incoming("task.updated", &data).task_event().is_err());
        }
    }
}
