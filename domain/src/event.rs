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
use crate::notification::{NoticeKind, Notification, Reminder};
use crate::task::{Task, Title};
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
/// Every topic that a component can hear.
pub const TOPICS: [&str; 3] = [TASK_EVENTS, TASK_UPDATES, REMINDERS];
/// The type of a change on [`TASK_UPDATES`], and the SSE event's name.
pub const TASK_CHANGED: &str = "sync.task-changed";
/// On [`TASK_UPDATES`] too, as every replica's streams must hear of it.
pub const NOTIFICATION_CREATED: &str = "notification.created";

/// The `source` attribute: with the id, it names an event anywhere.
const EVENT_SOURCE: &str = "urn:tidings:tasks";
/// Begins the `dataschema` of every event; behind it come its type and the version of its data: `urn:tidings:schema:task.created:1`.
pub const SCHEMA: &str = "urn:tidings:schema:";
/// The version of the data of every type. It changes where an old reader would misread new data, and only then.
pub const DATA_VERSION: u32 = 1;

/// One event, ready to be written to the log.
#[derive(Clone, Debug)]
pub struct Event {
    pub topic: &'static str,
    pub id: Uuid,
    /// The CloudEvents type.
    pub kind: &'static str,
    /// The user's own event number; none for what no stream shows.
    pub sequence: Option<u64>,
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
    dataschema: String,
    #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
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

#[derive(Serialize)]
struct ReminderData<'a> {
    reminder_type: &'static str,
    task_id: TaskId,
    user_id: &'a UserId,
    title: &'a Title,
    due_date: Timestamp,
    link: &'a str,
}

#[derive(Serialize)]
struct NotificationData {
    id: Uuid,
    kind: NoticeKind,
    task_id: TaskId,
    created_at: Timestamp,
}

fn as_text<S: Serializer>(number: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&number.unwrap_or_default())
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
            self.event(TASK_EVENTS, ids.task_event, change.kind.event_type(), Some(sequence), subject, task_event),
            self.event(TASK_UPDATES, ids.task_update, TASK_CHANGED, Some(sequence), subject, task_update),
        ]
    }

    /// What a notice publishes on [`REMINDERS`]. It has no number: no stream shows it.
    pub fn reminder_event(&self, reminder: &Reminder) -> Event {
        let data = ReminderData {
            reminder_type: reminder.kind.short_name(),
            task_id: reminder.task_id,
            user_id: self.user,
            title: &reminder.title,
            due_date: reminder.due_date,
            link: &reminder.link,
        };
        self.event(REMINDERS, reminder.id, reminder.kind.name(), None, reminder.task_id, data)
    }

    /// What a notification publishes on [`TASK_UPDATES`], so that its reader's streams hear of it. The notification itself stays here.
    pub fn notification_event(&self, sequence: u64, id: Uuid, notification: &Notification) -> Event {
        let Notification { id: notification_id, kind, task_id, created_at, .. } = *notification;
        let data = NotificationData { id: notification_id, kind, task_id, created_at };
        self.event(TASK_UPDATES, id, NOTIFICATION_CREATED, Some(sequence), task_id, data)
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
        sequence: Option<u64>,
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
            dataschema: format!("{SCHEMA}{kind}:{DATA_VERSION}"),
            sequence,
            partitionkey: self.user,
            traceparent: self.traceparent,
            data,
        };
        Event { topic, id, kind, sequence, body: json::raw(&event) }
    }
}

#[cfg(test)]
mod documented;

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
                "dataschema": "urn:tidings:schema:task.updated:1",
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

    #[test]
    fn a_reminder_has_no_number_and_its_own_id() {
        let (user, actor): (UserId, _) = ("ada".parse().unwrap(), Actor { kind: ActorKind::System, id: "reminders".to_owned() });
        let (time, task) = (Timestamp::parse("2026-05-01T09:00:00.003Z").unwrap(), task());
        let origin = Origin { user: &user, actor: &actor, source: Source::Api, time, traceparent: None };
        let due_date = task.due_date.unwrap();
        let (id, link) = (Uuid::from_u128(3), "/?task=7".to_owned());
        let reminder = Reminder { id, kind: NoticeKind::Overdue, task_id: task.id, title: task.title, due_date, link };
        let event = origin.reminder_event(&reminder);
        assert_eq!((event.topic, event.kind, event.sequence, event.id), ("reminders", "reminder.overdue", None, id));
        let body: Value = serde_json::from_str(event.body.get()).unwrap();
        assert_eq!(
            body,
            json!({
                "specversion": "1.0", "id": id, "source": "urn:tidings:tasks", "type": "reminder.overdue",
                "subject": Uuid::from_u128(7), "time": "2026-05-01T09:00:00.003Z", "datacontenttype": "application/json",
                "dataschema": "urn:tidings:schema:reminder.overdue:1", "partitionkey": "ada",
                "data": {
                    "reminder_type": "overdue", "task_id": Uuid::from_u128(7), "user_id": "ada",
                    "title": "Water the plants", "due_date": "2026-05-01T09:00:00Z", "link": "/?task=7",
                },
            })
        );
    }

    #[test]
    fn a_notification_is_announced_without_what_it_says() {
        let (user, actor): (UserId, _) = ("ada".parse().unwrap(), Actor { kind: ActorKind::User, id: "ada".to_owned() });
        let (time, task) = (Timestamp::parse("2026-05-01T09:00:00.005Z").unwrap(), task());
        let origin = Origin { user: &user, actor: &actor, source: Source::Api, time, traceparent: None };
        let notification = Notification {
            id: Uuid::from_u128(3),
            kind: NoticeKind::Upcoming,
            task_id: task.id,
            title: task.title,
            due_date: time,
            link: String::new(),
            read: false,
            created_at: time,
        };
        let event = origin.notification_event(42, Uuid::from_u128(4), &notification);
        assert_eq!((event.topic, event.kind, event.sequence), ("task-updates", "notification.created", Some(42)));
        let body: Value = serde_json::from_str(event.body.get()).unwrap();
        assert_eq!((&body["id"], &body["sequence"]), (&json!(Uuid::from_u128(4)), &json!("42")));
        let (id, task_id) = (Uuid::from_u128(3), Uuid::from_u128(7));
        assert_eq!(body["data"], json!({"id": id, "kind": "reminder.upcoming", "task_id": task_id, "created_at": time}));
    }
}
