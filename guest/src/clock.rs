//! Time from the host; ids from that time and the host's randomness.

use crate::bindings::ports::clock;
use domain::time::Timestamp;
use uuid::{ContextV7, Uuid};

/// The host's clock. Ids of one `Clock` count up, also within a millisecond.
#[derive(Debug, Default)]
pub struct Clock {
    context: ContextV7,
}

impl domain::ports::Clock for Clock {
    fn now(&self) -> Timestamp {
        let millis = clock::now();
        Timestamp::from_millis(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    fn new_id(&self) -> Uuid {
        let millis = u64::try_from(self.now().millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1_000).unwrap_or(0) * 1_000_000;
        Uuid::new_v7(uuid::Timestamp::from_unix(&self.context, millis / 1_000, nanos))
    }
}
