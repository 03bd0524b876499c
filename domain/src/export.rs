//! Everything that is a user's, in pieces: an export of any size needs the memory of one page.

use crate::history::HistoryEntry;
use crate::id::TaskId;
use crate::notification::NotificationPosition;
use crate::ports::{Failure, Session};
use crate::query::{Position, SortBy, SortOrder, TaskQuery};
use crate::task::{Task, TimeZone};
use crate::time::Timestamp;
use crate::{ical, json};
use serde::Serialize;
use serde_json::value::RawValue;

/// Tasks, entries of the history, or notifications, in one piece.
const PAGE: u32 = 500;

/// An export on its way. [`Export::next`] gives it piece by piece.
#[derive(Debug)]
pub struct Export<S> {
    session: S,
    now: Timestamp,
    form: Form,
    stage: Stage,
}

#[derive(Debug)]
enum Form {
    Json {
        user: Box<RawValue>,
        tokens: Box<RawValue>,
    },
    /// The time zones that the to-dos named so far.
    Calendar {
        zones: Vec<TimeZone>,
    },
}

#[derive(Debug)]
enum Stage {
    Begin,
    Tasks { after: Option<Position> },
    History { after: Option<u64> },
    Notifications { after: Option<NotificationPosition> },
    End,
    Done,
}

/// An entry of the history that says which task's it is.
#[derive(Serialize)]
struct Entry<'a> {
    task_id: TaskId,
    #[serde(flatten)]
    entry: &'a HistoryEntry,
}

impl<S: Session> Export<S> {
    /// All of it as one JSON object, `{user, preferences, tasks, history, notifications, tokens}`. The domain knows neither
    /// accounts nor tokens: the caller brings their JSON.
    pub fn json(session: S, now: Timestamp, user: Box<RawValue>, tokens: Box<RawValue>) -> Self {
        Self { session, now, form: Form::Json { user, tokens }, stage: Stage::Begin }
    }

    /// The tasks as iCalendar.
    pub fn calendar(session: S, now: Timestamp) -> Self {
        Self { session, now, form: Form::Calendar { zones: Vec::new() }, stage: Stage::Begin }
    }

    /// The next piece; none after the last. The session needs `tasks:read`, or already the first piece fails.
    pub async fn next(&mut self) -> Result<Option<String>, Failure> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Begin => self.begin().await.map(Some),
            Stage::Tasks { after } => self.tasks(after).await.map(Some),
            Stage::History { after } => self.history(after).await.map(Some),
            Stage::Notifications { after } => self.notifications(after).await.map(Some),
            Stage::End => Ok(Some(self.end())),
            Stage::Done => Ok(None),
        }
    }

    async fn begin(&mut self) -> Result<String, Failure> {
        let preferences = self.session.preferences().await?;
        self.stage = Stage::Tasks { after: None };
        Ok(match &self.form {
            Form::Json { user, .. } => format!("{{\"user\":{user},\"preferences\":{},\"tasks\":[", json::raw(&preferences)),
            Form::Calendar { .. } => ical::BEGIN.to_owned(),
        })
    }

    async fn tasks(&mut self, after: Option<Position>) -> Result<String, Failure> {
        let first = after.is_none();
        let tasks = self.session.list(&in_order(self.now, after)).await?;
        let more = tasks.len() == PAGE as usize;
        let last = tasks.last().filter(|_| more).map(|task| SortBy::Created.position_of(task));
        self.stage = match (last, &self.form) {
            (Some(after), _) => Stage::Tasks { after: Some(after) },
            (None, Form::Json { .. }) => Stage::History { after: None },
            (None, Form::Calendar { .. }) => Stage::End,
        };
        Ok(match &mut self.form {
            Form::Json { .. } => items(first, !more, &tasks, "],\"history\":["),
            Form::Calendar { zones } => {
                remember_zones(zones, &tasks);
                tasks.iter().map(ical::todo).collect()
            }
        })
    }

    async fn history(&mut self, after: Option<u64>) -> Result<String, Failure> {
        let history = self.session.history(None, after, PAGE).await?;
        let more = history.len() == PAGE as usize;
        let last = history.last().filter(|_| more).map(|entry| entry.sequence);
        self.stage = if last.is_some() { Stage::History { after: last } } else { Stage::Notifications { after: None } };
        let entries: Vec<Entry<'_>> = history.iter().map(|entry| Entry { task_id: entry.task_id, entry }).collect();
        Ok(items(after.is_none(), !more, &entries, "],\"notifications\":["))
    }

    /// The newest first, as they are listed.
    async fn notifications(&mut self, after: Option<NotificationPosition>) -> Result<String, Failure> {
        let notifications = self.session.notifications(false, after, PAGE).await?;
        let more = notifications.len() == PAGE as usize;
        let last = notifications.last().filter(|_| more);
        let last = last.map(|last| NotificationPosition { created_at: last.created_at, id: last.id });
        self.stage = if last.is_some() { Stage::Notifications { after: last } } else { Stage::End };
        Ok(items(after.is_none(), !more, &notifications, "],\"tokens\":"))
    }

    fn end(&self) -> String {
        match &self.form {
            Form::Json { tokens, .. } => format!("{tokens}}}"),
            Form::Calendar { zones } => {
                zones.iter().map(|zone| ical::time_zone(*zone, self.now)).chain([ical::END.to_owned()]).collect()
            }
        }
    }
}

/// A part of a JSON array, and after its last part what follows the array.
fn items<T: Serialize>(first: bool, last: bool, items: &[T], then: &str) -> String {
    let mut out = String::new();
    for (place, item) in items.iter().enumerate() {
        if !first || place > 0 {
            out.push(',');
        }
        out.push_str(&json::text(item));
    }
    if last {
        out.push_str(then);
    }
    out
}

fn remember_zones(zones: &mut Vec<TimeZone>, tasks: &[Task]) {
    for recurrence in tasks.iter().filter_map(|task| task.recurrence.as_ref()) {
        if !zones.contains(&recurrence.time_zone) {
            zones.push(recurrence.time_zone);
        }
    }
}

fn in_order(now: Timestamp, after: Option<Position>) -> TaskQuery {
    TaskQuery { order: SortOrder::Ascending, after, ..TaskQuery::everything(now, PAGE) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Scope;
    use crate::change::{Change, ChangeKind, Source};
    use crate::fake::{FakeClock, FakeSession, FakeStore};
    use crate::id::UserId;
    use crate::notification::{NoticeKind, Notification};
    use crate::ports::UnitOfWork;
    use crate::task::{Recurrence, RepeatFrom, Rrule};
    use futures::executor::block_on;
    use serde_json::{Value, json};
    use uuid::Uuid;

    const NOW: &str = "2026-05-01T09:00:00Z";

    fn now() -> Timestamp {
        Timestamp::parse(NOW).unwrap()
    }

    /// So many tasks, each with one entry in the history and one notification; all created at the same moment.
    fn store_with(tasks: u128) -> FakeStore {
        let store = FakeStore::new(FakeClock::at(now()));
        block_on(async {
            let mut work = store.session(&user()).begin(Source::Api).await.unwrap();
            for number in 0..tasks {
                let change = creation(number);
                work.notify(notification(&change.task)).unwrap();
                work.put(change).unwrap();
            }
            work.commit().await.unwrap();
        });
        store
    }

    fn notification(task: &Task) -> Notification {
        Notification {
            id: task.id.0,
            kind: NoticeKind::Overdue,
            task_id: task.id,
            title: task.title.clone(),
            due_date: now(),
            link: String::new(),
            read: false,
            created_at: now(),
        }
    }

    fn user() -> UserId {
        "ada".parse().unwrap()
    }

    fn creation(number: u128) -> Change {
        let zone = TimeZone::new("Europe/Berlin").unwrap();
        let rrule = Rrule::new("FREQ=DAILY").unwrap();
        let task = Task {
            id: TaskId(Uuid::from_u128(number)),
            due_date: Some(now()),
            recurrence: Some(Recurrence { rrule, time_zone: zone, repeat_from: RepeatFrom::DueDate }),
            created_at: now(),
            updated_at: now(),
            ..crate::contract::task(&format!("task {number}"))
        };
        Change { kind: ChangeKind::Created, task, base_version: None, changed_fields: Vec::new() }
    }

    fn pieces(mut export: Export<FakeSession>) -> Vec<String> {
        block_on(async {
            let mut pieces = Vec::new();
            while let Some(piece) = export.next().await.unwrap() {
                pieces.push(piece);
            }
            pieces
        })
    }

    fn json_of(store: &FakeStore) -> (usize, Value) {
        let (about, tokens) = (json::raw(&json!({"id": "ada"})), json::raw(&json!([])));
        let pieces = pieces(Export::json(store.session(&user()), now(), about, tokens));
        (pieces.len(), serde_json::from_str(&pieces.concat()).unwrap())
    }

    #[test]
    fn the_json_holds_everything_once_and_in_order() {
        let (pieces, export) = json_of(&store_with(1_200));
        assert_eq!(pieces, 11, "begin, three pages of tasks, three of history, three of notifications, end");
        let tasks = export["tasks"].as_array().unwrap();
        assert_eq!(tasks.len(), 1_200);
        assert!(tasks.iter().enumerate().all(|(n, task)| task["title"] == format!("task {n}")));
        let history = export["history"].as_array().unwrap();
        assert_eq!(history.len(), 1_200);
        assert!(
            history
                .iter()
                .zip(tasks)
                .all(|(entry, task)| entry["task_id"] == task["id"] && entry["event_type"] == "task.created")
        );
        let notifications = export["notifications"].as_array().unwrap();
        assert_eq!(notifications.len(), 1_200);
        assert!(notifications.iter().rev().zip(tasks).all(|(it, task)| it["task_id"] == task["id"] && it["read"] == false));
        assert_eq!(export["user"], json!({"id": "ada"}));
        assert_eq!((&export["tokens"], &export["preferences"]["time_zone"]), (&json!([]), &json!("UTC")));
    }

    #[test]
    fn pages_that_are_just_full_and_empty_ones_are_json_too() {
        for tasks in [0, 1, 500, 1_000] {
            let (_, export) = json_of(&store_with(tasks));
            assert_eq!(export["tasks"].as_array().unwrap().len() as u128, tasks);
            assert_eq!(export["history"].as_array().unwrap().len() as u128, tasks);
            assert_eq!(export["notifications"].as_array().unwrap().len() as u128, tasks);
        }
    }

    #[test]
    fn the_calendar_holds_each_task_and_each_zone_once() {
        let calendar = pieces(Export::calendar(store_with(600).session(&user()), now())).concat();
        assert!(calendar.starts_with("BEGIN:VCALENDAR\r\n") && calendar.ends_with("END:VCALENDAR\r\n"));
        assert_eq!(calendar.matches("BEGIN:VTODO\r\n").count(), 600);
        assert_eq!(calendar.matches("BEGIN:VTIMEZONE\r\n").count(), 1);
    }

    #[test]
    fn without_the_scope_there_is_no_first_piece() {
        let session = store_with(1).session_within(&user(), &[Scope::Account]);
        let first = block_on(Export::calendar(session, now()).next());
        assert_eq!(first, Err(Failure::Forbidden("tasks:read".to_owned())));
    }
}
