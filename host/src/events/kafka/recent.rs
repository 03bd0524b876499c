//! The last events of a part that were read: a user with more than a lane holds is read again from here, as long as it reaches back.

use crate::store::LoggedEvent;
use domain::id::UserId;
use std::collections::VecDeque;

/// Bytes of events that are remembered.
const MOST: usize = 4 << 20;

/// Events of one part, in their order, without a gap.
#[derive(Default)]
pub(super) struct Recent {
    events: VecDeque<LoggedEvent>,
    bytes: usize,
    /// Whatever is an event from here on was read since, and is remembered; none: nothing was read yet.
    from: Option<i64>,
}

impl Recent {
    /// A record was read that stands here; and the event that it is, if it is one.
    pub fn read(&mut self, position: i64, event: Option<&LoggedEvent>) {
        self.from.get_or_insert(position);
        let Some(event) = event else { return };
        self.bytes += size(event);
        self.events.push_back(event.clone());
        while self.bytes > MOST
            && let Some(oldest) = self.events.pop_front()
        {
            self.bytes -= size(&oldest);
            self.from = Some(oldest.position + 1);
        }
    }

    /// One user's events behind one position, up to another, the first few; none where it does not reach back so far.
    pub fn of_user(&self, user: &UserId, behind: i64, up_to: i64, limit: usize) -> Option<Vec<LoggedEvent>> {
        self.from.filter(|from| *from <= behind + 1)?;
        let first = self.events.partition_point(|event| event.position <= behind);
        let between = self.events.iter().skip(first).take_while(|event| event.position <= up_to);
        Some(between.filter(|event| event.user == *user).take(limit).cloned().collect())
    }
}

fn size(event: &LoggedEvent) -> usize {
    event.body.get().len() + event.topic.len() + event.kind.len() + event.user.as_str().len() + size_of::<LoggedEvent>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::testing::event;

    #[test]
    fn it_answers_as_far_as_it_reaches_back_and_is_bounded() {
        let (ada, mut recent) = ("ada".parse().unwrap(), Recent::default());
        let positions = |recent: &Recent, behind, up_to, limit| -> Option<Vec<i64>> {
            Some(recent.of_user(&ada, behind, up_to, limit)?.iter().map(|event| event.position).collect())
        };
        assert_eq!(positions(&recent, -1, 9, 9), None);
        for position in 5..10 {
            let user = if position % 2 == 0 { "bob" } else { "ada" };
            recent.read(position, Some(&event(user, position)).filter(|_| position != 7));
        }
        assert_eq!(positions(&recent, 3, 9, 9), None, "what stands before was not read");
        assert_eq!(positions(&recent, 4, 9, 9), Some(vec![5, 9]));
        assert_eq!((positions(&recent, 5, 8, 9), positions(&recent, 4, 9, 1)), (Some(vec![]), Some(vec![5])));
        (10..50_000).for_each(|position| recent.read(position, Some(&event("ada", position))));
        assert!(recent.bytes <= MOST && recent.events.len() > 1_000);
        assert_eq!(positions(&recent, 4, 9, 9), None, "it is forgotten");
        assert_eq!(positions(&recent, 49_997, 49_999, 9), Some(vec![49_998, 49_999]));
    }
}
