//! The tasks that are known. They are told of in any order and more than once: of each the newest version stays.

use crate::Task;
use crate::outbox::Outbox;
use domain::id::TaskId;
use domain::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every task of the person who is signed in, as far as this page has heard.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    known: BTreeMap<TaskId, Arc<Task>>,
    /// What is gone, and since which version: an answer that was under way before it went does not bring it back.
    gone: BTreeMap<TaskId, u64>,
    /// While everything is read anew: what has been heard of since that began.
    heard: Option<BTreeSet<TaskId>>,
}

impl Tasks {
    pub fn get(&self, id: TaskId) -> Option<&Arc<Task>> {
        self.known.get(&id)
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.known.values().map(AsRef::as_ref)
    }

    /// Takes in a task, unless a newer version of it is known.
    pub fn hear(&mut self, task: Task) {
        if let Some(heard) = &mut self.heard {
            heard.insert(task.id);
        }
        let older = self.known.get(&task.id).is_some_and(|known| known.version > task.version);
        let gone = self.gone.get(&task.id).is_some_and(|version| *version >= task.version);
        if !older && !gone {
            self.gone.remove(&task.id);
            self.known.insert(task.id, Arc::new(task));
        }
    }

    /// A task is no longer there, since this version.
    pub fn forget(&mut self, id: TaskId, version: u64) {
        if self.known.get(&id).is_some_and(|known| known.version > version) {
            return;
        }
        self.known.remove(&id);
        let gone = self.gone.entry(id).or_default();
        *gone = version.max(*gone);
        if let Some(heard) = &mut self.heard {
            heard.insert(id);
        }
    }

    /// Whether a change that made this version is news.
    pub fn is_news(&self, id: TaskId, version: u64) -> bool {
        let known = self.known.get(&id).map(|task| task.version);
        known.max(self.gone.get(&id).copied()).is_none_or(|known| known < version)
    }

    /// Everything is about to be read anew.
    pub fn begin_reading(&mut self) {
        self.heard = Some(BTreeSet::new());
    }

    /// Everything was read: what was not among it is gone.
    pub fn end_reading(&mut self) {
        if let Some(heard) = self.heard.take() {
            self.known.retain(|id, _| heard.contains(id));
        }
    }

    /// The tasks as the person means them to be: with what is not sent yet.
    pub fn meant(&self, outbox: &Outbox, now: Timestamp) -> Vec<Arc<Task>> {
        let waiting = outbox.tasks();
        let untouched = self.known.values().filter(|task| !waiting.contains(&task.id) && !outbox.is_shown(task)).cloned();
        let touched = waiting.iter().filter_map(|id| self.meant_one(*id, outbox, now));
        untouched.chain(touched).collect()
    }

    /// One task as the person means it to be; none where it is to be gone.
    pub fn meant_one(&self, id: TaskId, outbox: &Outbox, now: Timestamp) -> Option<Arc<Task>> {
        let known = self.known.get(&id);
        outbox.applied(id, known.map(|task| task.as_ref().clone()), now).map(Arc::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::task;
    use proptest::prelude::*;

    #[test]
    fn the_newest_version_stays_whatever_comes_last() {
        let (first, mut second) = (task(1, "Bread"), task(1, "Cake"));
        second.version = 2;
        let mut tasks = Tasks::default();
        tasks.hear(second.clone());
        tasks.hear(first);
        assert_eq!(**tasks.get(second.id).unwrap(), second);
    }

    #[test]
    fn what_is_gone_comes_back_only_with_a_newer_version() {
        let (mut tasks, mut bread) = (Tasks::default(), task(1, "Bread"));
        tasks.hear(bread.clone());
        tasks.forget(bread.id, 2);
        tasks.hear(bread.clone());
        assert!(tasks.is_empty());
        bread.version = 3;
        tasks.hear(bread.clone());
        assert_eq!(tasks.len(), 1);
        assert!(!tasks.is_news(bread.id, 3) && tasks.is_news(bread.id, 4));
    }

    #[test]
    fn reading_anew_drops_what_is_not_there_and_keeps_what_came_meanwhile() {
        let mut tasks = Tasks::default();
        tasks.hear(task(1, "was deleted while nobody listened"));
        tasks.hear(task(2, "is still there"));
        tasks.begin_reading();
        tasks.hear(task(3, "made while it was read"));
        tasks.hear(task(2, "is still there"));
        tasks.end_reading();
        let ids: Vec<u128> = tasks.known.keys().map(|id| id.0.as_u128()).collect();
        assert_eq!(ids, [2, 3]);
    }

    proptest! {
        /// In whatever order and however often versions are told, what stays is the last of each.
        #[test]
        fn the_order_of_telling_does_not_matter(told in prop::collection::vec((1..5_u128, 1..9_u64, any::<bool>()), 0..40), seed in any::<u64>()) {
            // A version is one thing: a state, or the end.
            let is_end = |id: u128, version: u64| (id * 7 + u128::from(version)).is_multiple_of(4);
            let run = |told: &[(u128, u64, bool)]| {
                let mut tasks = Tasks::default();
                for (id, version, _) in told {
                    let task = Task { version: *version, ..task(*id, &format!("{id}.{version}")) };
                    if is_end(*id, *version) { tasks.forget(task.id, *version) } else { tasks.hear(task) }
                }
                tasks.known.values().map(|task| task.title.clone()).collect::<Vec<_>>()
            };
            let mut shuffled = told.clone();
            let length = shuffled.len().max(1);
            shuffled.rotate_left(usize::try_from(seed % length as u64).unwrap());
            shuffled.reverse();
            prop_assert_eq!(run(&told), run(&shuffled));
        }
    }
}
