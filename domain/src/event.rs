//! The events that a change makes: pure functions, called by a store inside its commit, when the number of the event is known.
//!
//! Each change gives two events that share the user's sequence number: the full one on [`TASK_EVENTS`] and a summary,
//! without the task, on [`TASK_UPDATES`]. Both are CloudEvents 1.0 in the JSON format, with the extensions `sequence`
//! (its documented form: a string), `partitionkey` and `traceparent`.
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>

use crate::change::{Actor, Change, ChangeKind, ChangedFields, Source};
use crate::history::HistoryEntry;
use crate::id::{TaskId, UserId};
use crate::json;
use crate::task::Task;
use crate::time::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Every change, with the task and what differs.
pub const TASK_EVENTS: &str = "task-events";
/// A summary of every change, for streams.
pub const TASK_UPDATES: &str = "task-updates";
/// Reminders and overdue notices.
pub const REMINDERS: &str = "reminders";
/// The type of every event on [`TASK_UPDATES`], and the SSE event's name.
pub const TASK_CHANGED: &str = "sync.task-changed";

/// The `source` attribute: with the id, it names an event anywhere.
const EVENT_SOURCE: &str = "urn:tidings:tasks";

/// One event, ready to be written to the log.
#[derive(Clone, Debug)]
pub struct Event {
    pub topic: &'static str,
    pub id: Uuid,
    /// The CloudEvents type.
    pub kind: &'static str,
    /// The whole CloudEvent.
    pub body: Box<RawValue>,
}

/// What the changes of one commit have in common.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    pub user: &'a UserId,
    pub actor: &'a Actor,
    pub source: Source,
    pub time: Timestamp,
    /// W3C trace context of the request.
    pub traceparent: Option<&'a str>,
}

/// The ids of a change's two events. The first is the history entry's too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventIds {
    pub task_event: Uuid,
    pub task_update: Uuid,
}

#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'static str,
    id: Uuid,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: TaskId,
    time: Timestamp,
    datacontenttype: &'static str,
    #[serde(serialize_with = "as_text")]
    sequence: u64,
    partitionkey: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: D,
}

#[derive(Serialize)]
struct TaskEventData<'a> {
    event_type: &'static str,
    task_id: TaskId,
    user_id: &'a UserId,
    task: Option<&'a Task>,
    changed_fields: ChangedFields<'a>,
    source: Source,
}

#[derive(Serialize)]
struct TaskUpdateData<'a> {
    task_id: TaskId,
    change_type: ChangeKind,
    #[serde(serialize_with = "names_of")]
    changed_fields: &'a Change,
    timestamp: Timestamp,
    version: u64,
}

fn as_text<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn names_of<S: Serializer>(change: &&Change, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(change.changed_fields.iter().map(|f| &f.field))
}

impl Origin<'_> {
    /// What a change publishes, in the order of publication: the event on [`TASK_EVENTS`], then its summary on [`TASK_UPDATES`].
    pub fn events(&self, sequence: u64, ids: EventIds, change: &Change) -> [Event; 2] {
        let task_event = TaskEventData {
            event_type: change.kind.event_type(),
            task_id: change.task.id,
            user_id: self.user,
            task: (change.kind != ChangeKind::Deleted).then_some(&change.task),
            changed_fields: ChangedFields(&change.changed_fields),
            source: self.source,
        };
        let task_update = TaskUpdateData {
            task_id: change.task.id,
            change_type: change.kind,
            changed_fields: change,
            timestamp: self.time,
            version: change.task.version,
        };
        let subject = change.task.id;
        [
            self.event(TASK_EVENTS, ids.task_event, change.kind.event_type(), sequence, subject, task_event),
            self.event(TASK_UPDATES, ids.task_update, TASK_CHANGED, sequence, subject, task_update),
        ]
    }

    /// What the task's history keeps of a change. `id` is that of its event on [`TASK_EVENTS`].
    pub fn history_entry(&self, sequence: u64, id: Uuid, change: &Change) -> HistoryEntry {
        HistoryEntry {
            id,
            sequence,
            task_id: change.task.id,
            kind: change.kind,
            time: self.time,
            actor: self.actor.clone(),
            source: self.source,
            changed_fields: change.changed_fields.clone(),
        }
    }

    fn event<D: Serialize>(
        &self,
        topic: &'static str,
        id: Uuid,
        kind: &'static str,
        sequence: u64,
        subject: TaskId,
        data: D,
    ) -> Event {
        let event = CloudEvent {
            specversion: "1.0",
            id,
            source: EVENT_SOURCE,
            kind,
            subject,
            time: self.time,
            datacontenttype: "application/json",
            sequence,
            partitionkey: self.user,
            traceparent: self.traceparent,
            data,
        };
        Event { topic, id, kind, body: json::raw(&event) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{ActorKind, FieldChange};
    use crate::task::Priority;
    use serde_json::{Value, json};

    fn task() -> Task {
        let at = Timestamp::parse("2026-05-01T09:00:00Z").unwrap();
        Task {
            id: TaskId(Uuid::from_u128(7)),
            priority: Priority::High,
            due_date: Some(at),
            version: 3,
            ..crate::contract::task("Water the plants")
        }
    }

    fn bodies(kind: ChangeKind, traceparent: Option<&str>) -> [(Event, Value); 2] {
        let user: UserId = "ada".parse().unwrap();
        let actor = Actor { kind: ActorKind::User, id: "ada".to_owned() };
        let time = Timestamp::parse("2026-05-02T10:00:00.125Z").unwrap();
        let origin = Origin { user: &user, actor: &actor, source: Source::Api, time, traceparent };
        let changed_fields = vec![FieldChange { field: "title".to_owned(), old: json!("Water"), new: json!("Water the plants") }];
        let change = Change { kind, task: task(), base_version: Some(2), changed_fields };
        let ids = EventIds { task_event: Uuid::from_u128(1), task_update: Uuid::from_u128(2) };
        origin.events(41, ids, &change).map(|event| {
            let body = serde_json::from_str(event.body.get()).unwrap();
            (event, body)
        })
    }

    #[test]
    fn the_full_event_carries_the_task_and_what_differs() {
        let [(event, body), _] = bodies(ChangeKind::Updated, Some("00-abc-def-01"));
        assert_eq!((event.topic, event.kind, event.id), ("task-events", "task.updated", Uuid::from_u128(1)));
        assert_eq!(
            body,
            json!({
                "specversion": "1.0", "id": Uuid::from_u128(1), "source": "urn:tidings:tasks", "type": "task.updated",
                "subject": Uuid::from_u128(7), "time": "2026-05-02T10:00:00.125Z", "datacontenttype": "application/json",
                "sequence": "41", "partitionkey": "ada", "traceparent": "00-abc-def-01",
                "data": {
                    "event_type": "task.updated", "task_id": Uuid::from_u128(7), "user_id": "ada", "source": "api",
                    "task": serde_json::to_value(task()).unwrap(),
                    "changed_fields": {"title": {"old": "Water", "new": "Water the plants"}},
                },
            })
        );
    }

    #[test]
    fn the_summary_never_carries_the_task() {
        let [_, (event, body)] = bodies(ChangeKind::Completed, None);
        assert_eq!((event.topic, event.kind, event.id), ("task-updates", "sync.task-changed", Uuid::from_u128(2)));
        assert_eq!(body.get("traceparent"), None);
        assert_eq!(
            body["data"],
            json!({
                "task_id": Uuid::from_u128(7), "change_type": "completed", "changed_fields": ["title"],
                "timestamp": "2026-05-02T10:00:00.125Z", "version": 3,
            })
        );
    }

    #[test]
    fn a_deleted_task_is_null() {
        let [(_, body), _] = bodies(ChangeKind::Deleted, None);
        assert_eq!(body["data"]["task"], Value::Null);
        assert_eq!(body["data"]["event_type"], "task.deleted");
    }
}
