//! The last events of a log, or of a part of one: whoever is near its end reads here, as long as it reaches back, and not in the log.

use crate::store::LoggedEvent;
use std::collections::VecDeque;

/// Bytes of events that are remembered.
const MOST: usize = 4 << 20;

/// Events in their order, without a gap.
#[derive(Default)]
pub struct Recent {
    events: VecDeque<LoggedEvent>,
    bytes: usize,
    /// Every event from here on is remembered; none: there was none yet.
    from: Option<i64>,
}

impl Recent {
    /// This position comes next; and the event that stands there, if it is one.
    pub fn add(&mut self, position: i64, event: Option<&LoggedEvent>) {
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

    /// The events behind a position; none where it does not reach back so far.
    pub fn behind(&self, position: i64) -> Option<impl Iterator<Item = &LoggedEvent>> {
        self.from.filter(|from| *from <= position.saturating_add(1))?;
        let first = self.events.partition_point(|event| event.position <= position);
        Some(self.events.range(first..))
    }
}

fn size(event: &LoggedEvent) -> usize {
    event.body.get().len() + event.topic.len() + event.kind.len() + event.user.as_str().len() + size_of::<LoggedEvent>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::event;

    #[test]
    fn it_answers_as_far_as_it_reaches_back_and_is_bounded() {
        let mut recent = Recent::default();
        let positions =
            |recent: &Recent, behind| -> Option<Vec<i64>> { Some(recent.behind(behind)?.map(|event| event.position).collect()) };
        assert_eq!(positions(&recent, -1), None);
        for position in 5..10 {
            recent.add(position, Some(&event("ada", position)).filter(|_| position != 7));
        }
        assert_eq!(positions(&recent, 3), None, "what stands before was not seen");
        assert_eq!(positions(&recent, 4), Some(vec![5, 6, 8, 9]));
        assert_eq!((positions(&recent, 8), positions(&recent, 9)), (Some(vec![9]), Some(vec![])));
        (10..50_000).for_each(|position| recent.add(position, Some(&event("ada", position))));
        assert!(recent.bytes <= MOST && recent.events.len() > 1_000);
        assert_eq!(positions(&recent, 4), None, "it is forgotten");
        assert_eq!(positions(&recent, 49_997), Some(vec![49_998, 49_999]));
    }
}
