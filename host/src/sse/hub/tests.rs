use super::super::frame::tests::event;
use super::*;
use crate::identity::{Origin, Scope};
use domain::change::{Actor, ActorKind};
use futures::task::noop_waker;
use proptest::prelude::*;
use uuid::Uuid;

pub fn principal(user: &str, expires_at: Option<Timestamp>) -> Principal {
    Principal {
        user: user.parse().unwrap(),
        actor: Actor { kind: ActorKind::User, id: user.into() },
        scopes: [Scope::TasksRead].into_iter().collect(),
        origin: Origin::SignIn(Uuid::nil()),
        expires_at,
    }
}

fn hub(queue: usize) -> Arc<Hub> {
    Hub::new(HubLimits { queue, ..HubLimits::default() })
}

fn take(subscription: &Subscription) -> Option<Taken> {
    match subscription.poll_take(&mut Context::from_waker(&noop_waker())) {
        Poll::Ready(taken) => Some(taken),
        Poll::Pending => None,
    }
}

fn sequences(taken: Option<Taken>) -> Vec<u64> {
    match taken {
        Some(Taken::Frames(frames)) => frames.iter().map(|frame| frame.sequence).collect(),
        None => Vec::new(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_reach_their_user_and_nobody_else() {
    let hub = hub(8);
    let (mine, theirs) = (hub.subscribe(principal("a", None), None), hub.subscribe(principal("b", None), None));
    hub.deliver(&event("a", 1));
    hub.deliver(&event("a", 2));
    assert_eq!(sequences(take(&mine)), [1, 2]);
    assert_eq!(take(&theirs), None);
    drop(mine);
    assert_eq!(hub.readers(), 1);
    assert!(!lock(&hub.users).contains_key(&"a".parse::<UserId>().unwrap()));
}

#[test]
fn a_full_queue_is_let_go_and_told() {
    let hub = hub(3);
    let slow = hub.subscribe(principal("a", None), None);
    (1..=10).for_each(|sequence| hub.deliver(&event("a", sequence)));
    assert_eq!(lock(&slow.subscriber.state).queue.capacity(), 0);
    assert_eq!(take(&slow), Some(Taken::Burst));
    lock(&slow.subscriber.state).busy_since = Instant::now().checked_sub(SLOW);
    assert_eq!(take(&slow), Some(Taken::Overflowed));
    lock(&slow.subscriber.state).busy_since = Instant::now().checked_sub(SLOW);
    slow.progress();
    assert_eq!(take(&slow), Some(Taken::Overflowed), "what it wrote before took as long");
}

#[test]
fn an_overflow_while_reading_the_log_sends_the_reader_back_to_it() {
    let hub = hub(3);
    let reader = hub.subscribe(principal("a", None), None);
    (1..=10).for_each(|sequence| hub.deliver(&event("a", sequence)));
    assert!(!reader.end_reading());
    assert!(reader.end_reading());
    hub.deliver(&event("a", 11));
    assert_eq!(sequences(take(&reader)), [11]);
}

#[test]
fn what_expires_or_is_revoked_ends() {
    let hub = hub(8);
    let at = |millis| Timestamp::from_millis(millis).unwrap();
    let (expiring, other) = (hub.subscribe(principal("a", Some(at(1_000))), None), hub.subscribe(principal("b", None), None));
    hub.tick(1, at(999), Instant::now());
    assert_eq!(take(&expiring), None);
    hub.tick(2, at(1_000), Instant::now());
    assert_eq!(take(&expiring), Some(Taken::Ended(End::Credentials)));
    hub.ended(&Ended::User("b".parse().unwrap()));
    assert_eq!(take(&other), Some(Taken::Ended(End::Credentials)));
}

#[test]
fn a_reader_that_takes_nothing_is_given_up_with_its_connection() {
    let hub = hub(8);
    let connection = CancellationToken::new();
    let stalled = hub.subscribe(principal("a", None), Some(connection.clone()));
    let idle = hub.subscribe(principal("b", None), None);
    assert_eq!((take(&stalled), take(&idle)), (None, None));
    hub.deliver(&event("a", 1));
    hub.tick(20, Timestamp::MIN, Instant::now() + Duration::from_secs(29));
    assert!(!connection.is_cancelled());
    hub.tick(21, Timestamp::MIN, Instant::now() + Duration::from_secs(31));
    assert!(connection.is_cancelled());
    assert_eq!(take(&stalled), Some(Taken::Ended(End::Stalled)));
    assert_eq!(take(&idle), None);
}

#[test]
fn a_reader_that_comes_on_slowly_is_not_given_up() {
    let hub = hub(8);
    let slow = hub.subscribe(principal("a", None), None);
    hub.deliver(&event("a", 1));
    let later = Instant::now() + Duration::from_secs(29);
    slow.progress();
    hub.tick(1, Timestamp::MIN, later);
    assert!(slow.poll_ended(&mut Context::from_waker(&noop_waker())).is_pending());
    hub.tick(2, Timestamp::MIN, later + Duration::from_secs(2));
    assert!(slow.poll_ended(&mut Context::from_waker(&noop_waker())).is_ready());
}

#[test]
fn each_reader_gets_one_heartbeat_in_fifteen_seconds() {
    let hub = hub(8);
    let readers: Vec<_> = (0..40).map(|_| hub.subscribe(principal("a", None), None)).collect();
    let mut beats = vec![0; readers.len()];
    for second in 0..30 {
        hub.tick(second, Timestamp::MIN, Instant::now());
        for (reader, beats) in readers.iter().zip(&mut beats) {
            *beats += usize::from(take(reader) == Some(Taken::Heartbeat));
        }
    }
    assert_eq!(beats, vec![2; 40]);
}

#[tokio::test]
async fn a_drain_is_spread_and_final() {
    let hub = hub(8);
    let readers: Vec<_> = (0..4).map(|_| hub.subscribe(principal("a", None), None)).collect();
    let begun = Instant::now();
    hub.drain(Duration::from_millis(80)).await;
    assert!((60..1_000).contains(&begun.elapsed().as_millis()));
    assert!(readers.iter().all(|reader| take(reader) == Some(Taken::Ended(End::Drained))));
    assert_eq!(take(&hub.subscribe(principal("a", None), None)), Some(Taken::Ended(End::Drained)));
}

proptest! {
    /// Whatever the pace of the reader: it sees every event in order, or is told that it does not.
    #[test]
    fn nothing_is_lost_in_silence(room in 1usize..6, paces in proptest::collection::vec(0usize..4, 1..40)) {
        let hub = hub(room);
        let reader = hub.subscribe(principal("a", None), None);
        let (mut sent, mut seen) = (0u64, Vec::new());
        for pace in paces {
            for _ in 0..pace {
                sent += 1;
                hub.deliver(&event("a", sent));
            }
            prop_assert!(lock(&reader.subscriber.state).queue.len() <= room);
            match take(&reader) {
                Some(Taken::Frames(frames)) => seen.extend(frames.iter().map(|frame| frame.sequence)),
                Some(Taken::Burst) => { prop_assert!(pace > room); return Ok(()) }
                None => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(seen, (1..=sent).collect::<Vec<_>>());
    }
}
