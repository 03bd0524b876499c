//! The store under its contract, its writer under faults, its folder under all that can be wrong with it.

mod contract;
mod folder;
mod list;
mod scale;
mod writer;

use super::SqliteStore;
use crate::store::ChangeSet;
use domain::change::{Actor, ActorKind, Change, ChangeKind, FieldChange, Source};
use domain::id::{TaskId, UserId};
use domain::task::{Priority, Tags, Task, Title};
use domain::time::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

/// A store in a folder of its own, which goes when the test ends.
struct Fixture {
    store: Arc<SqliteStore>,
    folder: TempDir,
}

impl Fixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        Self { store, folder }
    }
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn at(minute: i64) -> Timestamp {
    Timestamp::parse("2026-05-01T09:00:00Z").unwrap().plus_minutes(minute)
}

fn task(title: &str) -> Task {
    Task {
        id: TaskId(Uuid::now_v7()),
        title: Title::new(title).unwrap(),
        description: None,
        completed_at: None,
        priority: Priority::Medium,
        tags: Tags::default(),
        due_date: None,
        recurrence: None,
        reminder_minutes: None,
        snoozed_until: None,
        parent_task_id: None,
        series_id: None,
        created_at: at(0),
        updated_at: at(0),
        deleted_at: None,
        version: 1,
    }
}

fn creation(task: Task) -> Change {
    let title = FieldChange { field: "title".to_owned(), old: Value::Null, new: Value::from(task.title.as_str()) };
    Change { kind: ChangeKind::Created, task, base_version: None, changed_fields: vec![title] }
}

fn set(user: &UserId, changes: Vec<Change>) -> ChangeSet {
    ChangeSet {
        user: user.clone(),
        actor: Actor { kind: ActorKind::User, id: user.as_str().to_owned() },
        source: Source::Api,
        now: at(0),
        traceparent: None,
        changes,
        depends_on: Vec::new(),
        preferences: None,
        kept_answer: None,
        once: Vec::new(),
    }
}
