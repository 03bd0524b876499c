//! What tests of every bus have in common.

use super::bus::{Handled, Handler, Trouble};
use crate::store::{ChangeSet, LoggedEvent};
use async_trait::async_trait;
use domain::change::{Actor, ActorKind, Source as Through};
use domain::contract;
use domain::id::UserId;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A new task of a user.
pub fn creation(user: &str) -> ChangeSet {
    let user: UserId = user.parse().unwrap();
    let actor = Actor { kind: ActorKind::User, id: user.to_string() };
    let changes = vec![contract::creation(contract::task("Water the plants"))];
    ChangeSet { changes, ..ChangeSet::new(user, actor, Through::Api, contract::at(0)) }
}

/// Remembers what it was handed, and answers as it is told.
#[derive(Default)]
pub struct Recorder {
    pub seen: Mutex<Vec<(String, u64)>>,
    at_work: Mutex<HashSet<UserId>>,
    answers: Mutex<BTreeMap<(String, u64), Vec<Trouble>>>,
}

impl Recorder {
    /// For one event, what comes of it the first times; then it is well.
    pub fn troubled(self: Arc<Self>, user: &str, sequence: u64, troubles: Vec<Trouble>) -> Arc<Self> {
        self.answers.lock().unwrap().insert((user.to_owned(), sequence), troubles);
        self
    }

    pub fn of(&self, user: &str) -> Vec<u64> {
        self.seen.lock().unwrap().iter().filter(|(seen, _)| seen == user).map(|(_, sequence)| *sequence).collect()
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, events: &[LoggedEvent]) -> Handled {
        let user = &events[0].user;
        assert!(self.at_work.lock().unwrap().insert(user.clone()), "never two of one user at a time");
        let mut handled = Handled { done: 0, trouble: None };
        for event in events {
            assert_eq!(event.user, *user);
            let key = (user.to_string(), event.sequence.unwrap());
            self.seen.lock().unwrap().push(key.clone());
            tokio::task::yield_now().await;
            handled.trouble = self.answers.lock().unwrap().get_mut(&key).and_then(Vec::pop);
            if handled.trouble.is_some() {
                break;
            }
            handled.done += 1;
        }
        self.at_work.lock().unwrap().remove(user);
        handled
    }
}

/// It may succeed another time.
pub fn retry() -> Trouble {
    Trouble::Retry { reason: "not now".to_owned(), after: Duration::ZERO }
}
