//! What holds on every database: the store under its contract, its writers under faults and callers that go away, its lists.

mod accounts;
mod agenda;
mod contract;
mod list;
mod notifications;
mod scale;
mod turn;
mod writer;

use super::super::tests::Fixture;
use super::ThisStore;
use crate::store::ChangeSet;
use domain::change::{Actor, ActorKind, Change, Source};
use domain::id::UserId;

pub use domain::contract::{at, creation, task};

pub fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

pub fn set(user: &UserId, changes: Vec<Change>) -> ChangeSet {
    let actor = Actor { kind: ActorKind::User, id: user.as_str().to_owned() };
    ChangeSet { changes, ..ChangeSet::new(user.clone(), actor, Source::Api, at(0)) }
}
