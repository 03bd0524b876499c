//! A task as the API gives it.

use domain::id::TaskId;
use domain::task::Priority;
use domain::time::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The fields of a task, by their names in JSON.
pub type Fields = Map<String, Value>;

/// One field with its value.
pub fn field(name: &str, value: Value) -> Fields {
    let mut fields = Fields::new();
    fields.insert(name.to_owned(), value);
    fields
}

/// A task, read from JSON. What a later version of the API adds is left aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub title: String,
    pub description: Option<String>,
    pub completed: bool,
    pub completed_at: Option<Timestamp>,
    #[serde(deserialize_with = "priority")]
    pub priority: Priority,
    pub tags: Vec<String>,
    pub due_date: Option<Timestamp>,
    pub recurrence: Option<Recurrence>,
    pub reminder_minutes: Option<u32>,
    pub snoozed_until: Option<Timestamp>,
    pub series_id: Option<TaskId>,
    pub created_at: Timestamp,
    /// 0: the server has not heard of it yet.
    pub version: u64,
}

/// How a task repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    pub rrule: String,
    pub time_zone: String,
    /// `due_date` or `completion`.
    pub from: String,
}

fn priority<'de, D: Deserializer<'de>>(from: D) -> Result<Priority, D::Error> {
    Priority::new(&String::deserialize(from)?).map_err(|bad| D::Error::custom(bad.0))
}

impl Task {
    /// A task that only this page knows, with these fields.
    pub fn new(id: TaskId, fields: &Fields, now: Timestamp) -> Self {
        let bare = Self {
            id,
            title: String::new(),
            description: None,
            completed: false,
            completed_at: None,
            priority: Priority::default(),
            tags: Vec::new(),
            due_date: None,
            recurrence: None,
            reminder_minutes: None,
            snoozed_until: None,
            series_id: None,
            created_at: now,
            version: 0,
        };
        bare.with(fields)
    }

    /// The task with other values in these fields; as it is, where one of them is none that a task has.
    pub fn with(&self, fields: &Fields) -> Self {
        let changed = || {
            let mut all = self.fields()?;
            all.extend(fields.clone());
            serde_json::from_str(&serde_json::to_string(&all).ok()?).ok()
        };
        changed().unwrap_or_else(|| self.clone())
    }

    /// All that it has. By way of text, which is read and written anyway: a second way would be sent to every visitor.
    pub fn fields(&self) -> Option<Fields> {
        serde_json::from_str(&serde_json::to_string(self).ok()?).ok()
    }

    /// Whether each of these fields has this value.
    pub fn has(&self, fields: &Fields) -> bool {
        self.with(fields) == *self
    }

    /// Whether it waits for a later moment.
    pub fn is_snoozed(&self, now: Timestamp) -> bool {
        self.snoozed_until.is_some_and(|until| until > now)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    pub(crate) fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    pub(crate) fn task(number: u128, title: &str) -> Task {
        let fields = Fields::from_iter([("title".to_owned(), json!(title))]);
        Task { version: 1, ..Task::new(TaskId(Uuid::from_u128(number)), &fields, at("2026-05-01T09:00:00Z")) }
    }

    #[test]
    fn a_task_of_the_domain_is_read_whole() {
        let text = r#"{"id":"01890000-0000-7000-8000-000000000001","title":"Bread","description":null,"completed":false,
            "completed_at":null,"priority":"high","tags":["home"],"due_date":"2026-05-02T16:00:00Z",
            "recurrence":{"rrule":"FREQ=DAILY","time_zone":"Europe/Berlin","from":"due_date"},"reminder_minutes":60,
            "snoozed_until":null,"parent_task_id":null,"series_id":null,"created_at":"2026-05-01T09:00:00Z",
            "updated_at":"2026-05-01T09:00:00Z","version":3,"of_a_later_version":1}"#;
        let task: Task = serde_json::from_str(text).unwrap();
        assert_eq!((task.priority, task.version), (Priority::High, 3));
        assert_eq!(task.recurrence.unwrap().rrule, "FREQ=DAILY");
    }

    #[test]
    fn fields_that_no_task_has_change_nothing() {
        let task = task(1, "Bread");
        let fields = |value: Value| value.as_object().unwrap().clone();
        assert_eq!(task.with(&fields(json!({"title": 7}))), task);
        assert_eq!(task.with(&fields(json!({"title": "Cake", "tags": ["a"]}))).title, "Cake");
        assert!(task.has(&fields(json!({"title": "Bread"}))) && !task.has(&fields(json!({"title": "Cake"}))));
    }
}
