//! The store under its contract, its writer under faults, its folder under all that can be wrong with it.

mod agenda;
mod contract;
mod folder;
mod list;
mod migration;
mod notifications;
mod scale;
mod writer;

use super::SqliteStore;
use crate::store::ChangeSet;
use domain::change::{Actor, ActorKind, Change, Source};
use domain::contract::{at, creation, task};
use domain::id::UserId;
use std::sync::Arc;
use tempfile::TempDir;

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

fn set(user: &UserId, changes: Vec<Change>) -> ChangeSet {
    let actor = Actor { kind: ActorKind::User, id: user.as_str().to_owned() };
    ChangeSet { changes, ..ChangeSet::new(user.clone(), actor, Source::Api, at(0)) }
}
