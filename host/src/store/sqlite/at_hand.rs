//! What the only process at a database need not read again: the end of the log, who is signed in, what users prefer.
//!
//! The writer says what was written. An append to the log is remembered; whatever else is written, but for positions of groups,
//! ends all that is kept: nobody has to know which statement touches what.

use super::sql::read::Read;
use crate::store::recent::Recent;
use crate::store::{LoggedEvent, SignIn, StoreError};
use domain::id::UserId;
use domain::preferences::Preferences;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Rows of one kind that are kept; then it begins anew.
const ROWS: usize = 4_096;

#[derive(Default)]
pub(super) struct AtHand(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    log: Recent,
    sign_ins: Rows<Uuid, SignIn>,
    preferences: Rows<UserId, Preferences>,
    /// How often all was forgotten: what was read before may be out of date.
    round: u64,
}

/// Rows that there are, and that there are not.
type Rows<K, V> = HashMap<K, Option<V>>;

impl AtHand {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These events stand at the end of the log now.
    pub fn appended(&self, events: &[LoggedEvent]) {
        let mut kept = self.kept();
        events.iter().for_each(|event| kept.log.add(event.position, Some(event)));
    }

    /// Anything may have changed. To be called before whoever changed it is answered.
    pub fn forget(&self) {
        let mut kept = self.kept();
        *kept = Kept { round: kept.round + 1, ..Kept::default() };
    }

    /// The events of these topics (all, where empty) behind a position; none where it does not reach back so far.
    pub fn events_after(&self, topics: &[&str], position: i64, limit: u32) -> Option<Vec<LoggedEvent>> {
        let kept = self.kept();
        let wanted = kept.log.behind(position)?.filter(|event| topics.is_empty() || topics.contains(&event.topic.as_str()));
        Some(wanted.take(limit as usize).cloned().collect())
    }

    pub async fn sign_in(&self, id: Uuid, read: impl Read<SignIn>) -> Result<Option<SignIn>, StoreError> {
        self.row(|kept| &mut kept.sign_ins, id, read).await
    }

    pub async fn preferences(&self, user: &UserId, read: impl Read<Preferences>) -> Result<Option<Preferences>, StoreError> {
        self.row(|kept| &mut kept.preferences, user.clone(), read).await
    }

    /// A row, from here or from where it is read.
    async fn row<K: Eq + Hash, V: Clone>(
        &self,
        rows: impl Fn(&mut Kept) -> &mut Rows<K, V>,
        key: K,
        read: impl Read<V>,
    ) -> Result<Option<V>, StoreError> {
        let round = {
            let mut kept = self.kept();
            if let Some(known) = rows(&mut kept).get(&key) {
                return Ok(known.clone());
            }
            kept.round
        };
        let found = read.await?;
        let mut kept = self.kept();
        if kept.round == round {
            let rows = rows(&mut kept);
            if rows.len() >= ROWS {
                rows.clear();
            }
            rows.insert(key, found.clone());
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use std::future::ready;

    /// What is at hand of a user whose row, if it is read, is this.
    fn theirs(at_hand: &AtHand, user: &str, row: Option<Preferences>) -> Option<Preferences> {
        block_on(at_hand.preferences(&user.parse().unwrap(), ready(Ok(row)))).unwrap()
    }

    #[test]
    fn a_row_is_read_once_until_something_else_than_an_event_is_written() {
        let (at_hand, row) = (AtHand::default(), Some(Preferences::default()));
        assert_eq!(theirs(&at_hand, "ada", None), None);
        assert_eq!(theirs(&at_hand, "ada", row), None, "that there is none is kept, too");
        assert_eq!(theirs(&at_hand, "bob", row), row);
        at_hand.appended(&[]);
        assert_eq!((theirs(&at_hand, "ada", row), theirs(&at_hand, "bob", None)), (None, row));
        at_hand.forget();
        assert_eq!((theirs(&at_hand, "ada", row), theirs(&at_hand, "bob", None)), (row, None));
    }

    #[test]
    fn what_was_read_before_something_was_written_is_not_kept() {
        let (at_hand, row) = (AtHand::default(), Some(Preferences::default()));
        let read = async {
            at_hand.forget();
            Ok(None)
        };
        assert_eq!(block_on(at_hand.preferences(&"ada".parse().unwrap(), read)).unwrap(), None);
        assert_eq!(theirs(&at_hand, "ada", row), row);
    }

    #[test]
    fn what_cannot_be_read_is_read_again() {
        let (at_hand, row) = (AtHand::default(), Some(Preferences::default()));
        let failed = ready(Err(StoreError::Conflict));
        assert!(block_on(at_hand.preferences(&"ada".parse().unwrap(), failed)).is_err());
        assert_eq!(theirs(&at_hand, "ada", row), row);
    }

    #[test]
    fn it_is_bounded() {
        let at_hand = AtHand::default();
        (0..=ROWS).for_each(|n| _ = theirs(&at_hand, &format!("user{n}"), None));
        assert_eq!(at_hand.kept().preferences.len(), 1);
    }
}
