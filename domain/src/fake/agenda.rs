//! The agenda of the store in memory.

use super::{FakeSession, FakeStore, State};
use crate::id::{TaskId, UserId};
use crate::ports::{Agenda, DueItem, DuePage, Failure};
use crate::task::Task;
use crate::time::Timestamp;

/// Where a task stands in the agenda.
type Place = (Timestamp, TaskId);

impl State {
    fn agenda(&self) -> Vec<(Place, &UserId, &Task)> {
        let tasks = self.users.iter().flat_map(|(user, kept)| kept.tasks.values().map(move |task| (user, task)));
        let mut agenda: Vec<_> = tasks.filter_map(|(user, task)| Some(((task.remind_at()?, task.id), user, task))).collect();
        agenda.sort_by_key(|(place, _, _)| *place);
        agenda
    }
}

impl Agenda for FakeStore {
    type Session = FakeSession;

    async fn due(&self, until: Timestamp, after: Option<&str>, limit: u32) -> Result<DuePage<FakeSession>, Failure> {
        let after = after.map(read).transpose()?;
        let state = self.lock();
        let due = state.agenda().into_iter().filter(|(place, _, _)| place.0 <= until && after.is_none_or(|after| *place > after));
        let mut due: Vec<_> = due.take(limit as usize + 1).collect();
        let more = due.len() > limit as usize;
        due.truncate(limit as usize);
        let next = due.last().filter(|_| more).map(|((at, id), _, _)| format!("{at} {id}"));
        let items = due.into_iter().map(|(_, user, task)| DueItem { session: self.session(user), task: task.clone() });
        Ok(DuePage { items: items.collect(), next })
    }

    async fn next(&self) -> Result<Option<Timestamp>, Failure> {
        Ok(self.lock().agenda().first().map(|((at, _), _, _)| *at))
    }
}

fn read(cursor: &str) -> Result<Place, Failure> {
    let place = || {
        let (at, id) = cursor.split_once(' ')?;
        Some((Timestamp::parse(at).ok()?, id.parse().ok()?))
    };
    place().ok_or_else(|| Failure::Invalid("this is where no page ended".to_owned()))
}
