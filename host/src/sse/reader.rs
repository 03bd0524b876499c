//! What one client is to see, in order and without a hole: first what the log has beyond its `Last-Event-ID`, then what the
//! hub hands over; and whenever a number is missing there, from the log again.

use super::frame::{Frame, HEARTBEAT, resync, retry};
use super::hub::{End, Hub, Subscription, Taken};
use crate::clock::Clock;
use crate::identity::Principal;
use crate::store::{EventLog, StoreError};
use bytes::Bytes;
use metrics::counter;
use rand::Rng;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Events that are read from the log at one time.
const PAGE: u32 = 100;

/// What a client said that it saw last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastEventId {
    /// Nothing: it wants what happens from now on.
    None,
    Known(u64),
    /// No number that Tidings ever gave out.
    Malformed,
}

impl LastEventId {
    /// From every value of the header.
    pub fn parse<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        let Some(value) = values.next() else { return Self::None };
        let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok().filter(|n| n.to_string() == text));
        match (number, values.next()) {
            (Some(number), None) => Self::Known(number),
            _ => Self::Malformed,
        }
    }

    /// Where to go on; `None`: the client has to load everything anew. `last` is the user's last number, `oldest` the oldest that
    /// is still in the log.
    fn resume(self, last: u64, oldest: Option<u64>) -> Option<u64> {
        match self {
            Self::None => Some(last),
            Self::Known(seen) if seen == last => Some(seen),
            Self::Known(seen) if seen < last && oldest.is_some_and(|oldest| oldest <= seen + 1) => Some(seen),
            Self::Known(_) | Self::Malformed => None,
        }
    }
}

enum Phase {
    /// These bytes; then the log, unless the client has seen all of it.
    Opening {
        bytes: String,
        caught_up: bool,
    },
    Reading,
    Live,
    Over,
}

/// One client's stream.
pub struct Reader {
    subscription: Subscription,
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    phase: Phase,
    /// The number of the last event that was shown, or need not be.
    last: u64,
}

impl Reader {
    /// Takes a place in the hub first and looks into the log then, so that no event falls between the two.
    pub async fn open(
        hub: &Arc<Hub>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        principal: Principal,
        connection: Option<CancellationToken>,
        seen: LastEventId,
    ) -> Result<Self, StoreError> {
        let subscription = hub.subscribe(principal, connection);
        let (last, oldest) = log.stream_bounds(&subscription.principal().user).await?;
        let mut opening = retry(Duration::from_millis(rand::rng().random_range(1_000..3_000)));
        let resume = seen.resume(last, oldest).unwrap_or_else(|| {
            tracing::info!(?seen, last, oldest, "a client cannot go on where it was, and is told to load everything anew");
            opening.push_str(&reload("unknown", Some(last)));
            last
        });
        let phase = Phase::Opening { bytes: opening, caught_up: resume == last };
        Ok(Self { subscription, log, clock, phase, last: resume })
    }

    /// The next bytes for the client; `None` when the stream is over. To drop it half-way loses nothing.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            self.subscription.progress();
            let expired = self.subscription.principal().expires_at.is_some_and(|expiry| expiry <= self.clock.now());
            if expired || poll_fn(|cx| Poll::Ready(self.subscription.poll_ended(cx).is_ready())).await {
                return None;
            }
            let bytes = match &mut self.phase {
                Phase::Opening { bytes, caught_up } => {
                    let (bytes, caught_up) = (std::mem::take(bytes), *caught_up);
                    self.phase = if caught_up && self.subscription.end_reading() { Phase::Live } else { Phase::Reading };
                    Some(Bytes::from(bytes))
                }
                Phase::Reading => self.read().await,
                Phase::Live => self.listen().await,
                Phase::Over => return None,
            };
            if bytes.is_some() {
                return bytes;
            }
        }
    }

    /// Ready once the stream is to end, even if what was given last is not yet written.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<End> {
        self.subscription.poll_ended(cx)
    }

    /// One page of the log. Decides the phase that follows; `Over` where the log cannot be read: the client comes back.
    async fn read(&mut self) -> Option<Bytes> {
        let user = self.subscription.principal().user.clone();
        let events = match self.log.stream_after(&user, self.last, PAGE).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(%error, "a stream ends: its log cannot be read");
                self.phase = Phase::Over;
                return None;
            }
        };
        let mut out = Vec::new();
        for event in &events {
            let next = self.last + 1;
            if event.sequence != Some(next) {
                return if out.is_empty() { self.skip_hole().await } else { Some(Bytes::from(out)) };
            }
            self.last = next;
            if let Some(frame) = Frame::of(event) {
                out.extend_from_slice(&frame.bytes);
            }
        }
        let at_end = events.len() < PAGE as usize;
        self.phase = if at_end && self.subscription.end_reading() { Phase::Live } else { Phase::Reading };
        (!out.is_empty()).then(|| Bytes::from(out))
    }

    /// The log no longer has what comes next: the client has to load everything anew.
    async fn skip_hole(&mut self) -> Option<Bytes> {
        match self.log.stream_bounds(&self.subscription.principal().user).await {
            Ok((last, oldest)) => {
                tracing::info!(seen = self.last, last, oldest, "the log no longer has what a client is to see next");
                self.last = last;
                Some(Bytes::from(reload("hole", Some(last))))
            }
            Err(_) => {
                self.phase = Phase::Over;
                None
            }
        }
    }

    /// What the hub has.
    async fn listen(&mut self) -> Option<Bytes> {
        let frames = match poll_fn(|cx| self.subscription.poll_take(cx)).await {
            Taken::Frames(frames) => frames,
            Taken::Heartbeat => return Some(Bytes::from_static(HEARTBEAT)),
            Taken::Burst => {
                self.begin_reading();
                return None;
            }
            Taken::Overflowed => {
                self.phase = Phase::Over;
                return Some(Bytes::from(reload("overflow", None)));
            }
            Taken::Ended(_) => return None,
        };
        let mut out = Vec::new();
        for frame in &frames {
            if frame.sequence == self.last + 1 {
                self.last = frame.sequence;
                out.extend_from_slice(&frame.bytes);
            } else if frame.sequence > self.last {
                self.begin_reading();
                break;
            }
        }
        (!out.is_empty()).then(|| Bytes::from(out))
    }

    fn begin_reading(&mut self) {
        self.subscription.begin_reading();
        self.phase = Phase::Reading;
    }
}

/// What tells the client to load everything anew; counted by its reason.
fn reload(reason: &'static str, last: Option<u64>) -> String {
    counter!("tidings_stream_resyncs_total", "reason" => reason).increment(1);
    resync(last)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::sse::frame::tests::event;
    use crate::sse::hub::tests::principal;
    use crate::sse::hub::{HubLimits, SLOW};
    use crate::store::{LoggedEvent, Turn};
    use async_trait::async_trait;
    use domain::id::UserId;
    use domain::time::Timestamp;
    use futures::FutureExt;
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use std::sync::Mutex;
    use tokio::sync::watch;

    /// A log of one user.
    #[derive(Default)]
    pub struct Log(Mutex<Vec<LoggedEvent>>);

    impl Log {
        pub fn write(&self, sequence: u64) -> LoggedEvent {
            let event = event("a", sequence);
            self.0.lock().unwrap().push(event.clone());
            event
        }
    }

    #[async_trait]
    impl EventLog for Log {
        async fn events_after(&self, _: &[&str], _: i64, _: u32) -> Result<Vec<LoggedEvent>, StoreError> {
            unreachable!("a reader has no business there")
        }
        async fn events_of(&self, _: &UserId, _: &[&str], _: i64, _: i64, _: u32) -> Result<Vec<LoggedEvent>, StoreError> {
            unreachable!("a reader has no business there")
        }
        async fn stream_after(&self, _: &UserId, sequence: u64, limit: u32) -> Result<Vec<LoggedEvent>, StoreError> {
            let log = self.0.lock().unwrap();
            Ok(log.iter().filter(|event| event.sequence > Some(sequence)).take(limit as usize).cloned().collect())
        }
        async fn stream_bounds(&self, _: &UserId) -> Result<(u64, Option<u64>), StoreError> {
            let log = self.0.lock().unwrap();
            Ok((log.last().and_then(|event| event.sequence).unwrap_or(0), log.first().and_then(|event| event.sequence)))
        }
        async fn last_position(&self) -> Result<i64, StoreError> {
            unreachable!("a reader has no business there")
        }
        async fn group_position(&self, _: &str) -> Result<Option<i64>, StoreError> {
            unreachable!("a reader has no business there")
        }
        async fn set_group_position(&self, _: &str, _: i64) -> Result<(), StoreError> {
            unreachable!("a reader has no business there")
        }
        async fn turn(&self, _: &str) -> Result<Option<Box<dyn Turn>>, StoreError> {
            unreachable!("a reader has no business there")
        }
        async fn write_again(&self, _: i64, _: &str, _: Option<&RawValue>, _: Timestamp) -> Result<Option<i64>, StoreError> {
            unreachable!("a reader has no business there")
        }
        fn committed(&self) -> watch::Receiver<i64> {
            unreachable!("a reader has no business there")
        }
    }

    pub async fn open(hub: &Arc<Hub>, log: &Arc<Log>, seen: LastEventId) -> Reader {
        Reader::open(hub, log.clone(), Arc::new(SystemClock), principal("a", None), None, seen).await.unwrap()
    }

    /// What is there without waiting: the ids of the events, and `resync` where it says so.
    fn drain(reader: &mut Reader) -> Vec<String> {
        let mut text = String::new();
        while let Some(Some(bytes)) = reader.next().now_or_never() {
            text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        let blocks = text.split("\n\n").filter(|block| block.contains("event: "));
        blocks
            .map(
                |block| {
                    if block.contains("event: resync") { "resync".into() } else { block.lines().next().unwrap()[4..].to_owned() }
                },
            )
            .collect()
    }

    #[test]
    fn an_id_is_a_number_as_we_write_it() {
        let parse = |values: &[&str]| LastEventId::parse(values.iter().map(|value| value.as_bytes()));
        assert_eq!(parse(&[]), LastEventId::None);
        assert_eq!(parse(&["0"]), LastEventId::Known(0));
        assert_eq!(parse(&["18446744073709551615"]), LastEventId::Known(u64::MAX));
        for bad in ["", " 1", "+1", "-1", "01", "1.0", "x", "18446744073709551616", "١"] {
            assert_eq!(parse(&[bad]), LastEventId::Malformed, "{bad}");
        }
        assert_eq!(parse(&["1", "1"]), LastEventId::Malformed);
    }

    #[test]
    fn what_cannot_be_resumed_is_said() {
        let known = LastEventId::Known;
        assert_eq!(LastEventId::None.resume(9, Some(4)), Some(9));
        assert_eq!(known(9).resume(9, Some(4)), Some(9));
        assert_eq!(known(3).resume(9, Some(4)), Some(3));
        assert_eq!(known(2).resume(9, Some(4)), None, "the third is gone");
        assert_eq!(known(10).resume(9, Some(4)), None, "the future");
        assert_eq!(known(3).resume(9, None), None, "all are gone");
        assert_eq!(known(0).resume(0, None), Some(0));
        assert_eq!(known(u64::MAX).resume(9, Some(4)), None);
        assert_eq!(LastEventId::Malformed.resume(0, None), None);
    }

    #[tokio::test]
    async fn resume_reads_the_log_and_then_goes_live() {
        let (hub, log) = (Hub::new(HubLimits::default()), Arc::new(Log::default()));
        (1..=250).for_each(|sequence| drop(log.write(sequence)));
        let mut reader = open(&hub, &log, LastEventId::Known(20)).await;
        assert_eq!(drain(&mut reader), (21..=250).map(|n| n.to_string()).collect::<Vec<_>>());
        hub.deliver(&log.write(251));
        assert_eq!(drain(&mut reader), ["251"]);
    }

    #[tokio::test]
    async fn without_an_id_only_what_is_new_is_shown() {
        let (hub, log) = (Hub::new(HubLimits::default()), Arc::new(Log::default()));
        log.write(1);
        let mut reader = open(&hub, &log, LastEventId::None).await;
        assert!(drain(&mut reader).is_empty());
        hub.deliver(&log.write(2));
        assert_eq!(drain(&mut reader), ["2"]);
    }

    #[tokio::test]
    async fn a_number_that_the_hub_skipped_comes_from_the_log() {
        let (hub, log) = (Hub::new(HubLimits::default()), Arc::new(Log::default()));
        let mut reader = open(&hub, &log, LastEventId::None).await;
        drain(&mut reader);
        hub.deliver(&log.write(1));
        log.write(2);
        log.write(3);
        hub.deliver(&log.write(4));
        assert_eq!(drain(&mut reader), ["1", "2", "3", "4"]);
    }

    #[tokio::test]
    async fn an_unknown_id_is_told_to_reload_and_then_goes_live() {
        let (hub, log) = (Hub::new(HubLimits::default()), Arc::new(Log::default()));
        log.write(1);
        let mut reader = open(&hub, &log, LastEventId::Known(77)).await;
        assert_eq!(drain(&mut reader), ["resync"]);
        hub.deliver(&log.write(2));
        assert_eq!(drain(&mut reader), ["2"]);
    }

    #[tokio::test]
    async fn failure_16_a_reader_that_falls_behind_is_told_and_closed_and_a_burst_comes_from_the_log() {
        let (hub, log) = (Hub::new(HubLimits { queue: 4, ..HubLimits::default() }), Arc::new(Log::default()));
        let mut reader = open(&hub, &log, LastEventId::None).await;
        drain(&mut reader);
        (1..=5).for_each(|sequence| hub.deliver(&log.write(sequence)));
        assert_eq!(drain(&mut reader), ["1", "2", "3", "4", "5"]);
        (6..=10).for_each(|sequence| hub.deliver(&log.write(sequence)));
        tokio::time::sleep(SLOW).await;
        assert_eq!(drain(&mut reader), ["resync"]);
        assert_eq!(reader.next().await, None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// However commits, deliveries and reads interleave, and whatever the feed drops or repeats: each number once, in order.
        #[test]
        fn no_interleaving_loses_or_doubles(before in 0u64..5, seen in 0u64..5, steps in proptest::collection::vec(0u8..6, 0..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let (hub, log) = (Hub::new(HubLimits { queue: 1_000, ..HubLimits::default() }), Arc::new(Log::default()));
                (1..=before).for_each(|sequence| drop(log.write(sequence)));
                let seen = seen.min(before);
                let mut reader = open(&hub, &log, LastEventId::Known(seen)).await;
                let (mut last, mut shown) = (before, Vec::new());
                for step in steps {
                    match step {
                        0 | 1 => { last += 1; hub.deliver(&log.write(last)); }
                        2 => { last += 1; log.write(last); }
                        3 if last > 0 => hub.deliver(&event("a", last)),
                        _ => shown.extend(drain(&mut reader)),
                    }
                }
                last += 1;
                hub.deliver(&log.write(last));
                shown.extend(drain(&mut reader));
                assert_eq!(shown, (seen + 1..=last).map(|n| n.to_string()).collect::<Vec<_>>());
            });
        }
    }
}
