//! Lanes as a machine: what is tried when, what is kept, and that nothing is lost or overtaken.

use super::*;
use crate::store::testing;
use proptest::prelude::*;

fn event(user: u8, position: i64) -> LoggedEvent {
    testing::event(&format!("user-{user}"), position)
}

fn moment(seconds: u64) -> Moment<'static> {
    let now = Timestamp::from_millis(seconds as i64 * 1_000).unwrap();
    Moment { group: "group", now, elapsed: Duration::from_secs(seconds), chance: 0.5 }
}

fn retry() -> Trouble {
    Trouble::Retry { reason: "not now".to_owned(), after: Duration::ZERO }
}

#[test]
fn five_tries_within_a_minute_then_it_is_dead() {
    for (after, most) in [(Duration::ZERO, 5), (Duration::from_secs(3_600), 5)] {
        let mut lanes = Lanes::default();
        lanes.take(event(1, 1));
        lanes.read_to(1);
        let (mut tries, mut elapsed) = (0, Duration::ZERO);
        loop {
            match lanes.next() {
                Some(Next::Handle(user, events)) => {
                    assert_eq!(events.len(), 1);
                    tries += 1;
                    let trouble = Some(Trouble::Retry { reason: "not now".to_owned(), after });
                    let at = Moment { elapsed, chance: 1.0, ..moment(0) };
                    lanes.settle(&user, &Handled { done: 0, trouble }, at);
                }
                Some(Next::Bury(user, _, letter)) => {
                    assert_eq!(letter.tries, tries);
                    lanes.buried(&user);
                    break;
                }
                Some(other) => panic!("{other:?}"),
                None => {
                    elapsed = lanes.rested_at().unwrap();
                    lanes.wake(elapsed);
                }
            }
        }
        assert!(tries <= most && elapsed <= Duration::from_secs(50), "{tries} tries in {elapsed:?}");
        assert_eq!(lanes.progress(), Progress { position: 1, oldest: None });
    }
}

#[test]
fn a_slow_handler_is_given_up_in_time() {
    let mut lanes = Lanes::default();
    lanes.take(event(1, 1));
    let Some(Next::Handle(user, _)) = lanes.next() else { panic!() };
    lanes.settle(&user, &Handled { done: 0, trouble: Some(retry()) }, moment(0));
    lanes.wake(Duration::from_secs(41));
    let Some(Next::Handle(user, _)) = lanes.next() else { panic!() };
    lanes.settle(&user, &Handled { done: 0, trouble: Some(retry()) }, moment(41));
    assert!(matches!(lanes.next(), Some(Next::Bury(_, _, letter)) if letter.tries == 2));
}

#[test]
fn an_outage_of_the_store_counts_for_nothing_however_long_it_is() {
    let mut lanes = Lanes::default();
    lanes.take(event(1, 1));
    let mut settle = |trouble: Option<Trouble>, seconds: u64| {
        lanes.wake(Duration::from_secs(seconds));
        let Some(Next::Handle(user, _)) = lanes.next() else { panic!("it is tried again at {seconds} s") };
        lanes.settle(&user, &Handled { done: usize::from(trouble.is_none()), trouble }, moment(seconds));
    };
    settle(Some(retry()), 0);
    for seconds in (60..600).step_by(60) {
        settle(Some(Trouble::StoreAway("gone".to_owned())), seconds);
    }
    // What failed once before the outage, and once behind it, has failed once.
    settle(Some(retry()), 660);
    settle(None, 720);
    assert_eq!((lanes.progress().oldest, lanes.kept()), (None, 0));
}

#[test]
fn memory_is_bounded_and_one_user_leaves_room_for_others() {
    let mut lanes = Lanes::default();
    for position in 1..=100_000 {
        lanes.take(event(1, position));
    }
    assert!(lanes.has_room() && lanes.kept() == LANE);
    let mut position = 100_000;
    for user in 0..=255 {
        for _ in 0..100 {
            position += 1;
            lanes.take(event(user, position));
        }
    }
    assert!(!lanes.has_room() && lanes.kept() <= 256 * LANE);
}

/// Works a log off, with troubles by chance: what was handled or buried, in the order of it.
fn worked_off(log: &[LoggedEvent], troubles: &[u8]) -> Vec<i64> {
    let (mut lanes, mut finished, mut read, mut elapsed) = (Lanes::default(), Vec::new(), 0, 0);
    let mut troubles = troubles.iter().copied().chain(std::iter::repeat(0));
    loop {
        if let Some(event) = log.get(read) {
            lanes.take(event.clone());
            lanes.read_to(event.position);
            read += 1;
        }
        let unfinished = log[..read].iter().find(|event| !finished.contains(&event.position));
        let progress = lanes.progress();
        assert!(unfinished.is_none_or(|event| progress.position < event.position), "{progress:?} before {unfinished:?}");
        elapsed += 1;
        lanes.wake(Duration::from_secs(elapsed));
        match lanes.next() {
            Some(Next::Handle(user, events)) => {
                let (done, trouble) = match troubles.next().unwrap_or(0) {
                    1 => (events.len() / 2, Some(retry())),
                    2 => (0, Some(Trouble::Reject("no".to_owned()))),
                    3 => (events.len() - 1, Some(Trouble::Busy)),
                    _ => (events.len(), None),
                };
                finished.extend(events.iter().take(done).map(|event| event.position));
                lanes.settle(&user, &Handled { done, trouble }, moment(elapsed));
            }
            Some(Next::Bury(user, event, _)) => {
                finished.push(event.position);
                lanes.buried(&user);
            }
            Some(Next::ReadAgain(user, behind, up_to)) => {
                let of_user = |event: &&LoggedEvent| event.user == user && event.position > behind && event.position <= up_to;
                let events: Vec<_> = log.iter().filter(of_user).take(LANE).cloned().collect();
                let more = events.last().filter(|_| events.len() >= LANE).map(|last| last.position);
                lanes.refill(&user, events, more);
            }
            None if read == log.len() && lanes.kept() == 0 => return finished,
            None => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_event_is_finished_once_and_in_its_users_order(
        users in prop::collection::vec(0_u8..4, 0..300),
        troubles in prop::collection::vec(0_u8..4, 0..200),
    ) {
        let log: Vec<LoggedEvent> = users.iter().zip(1..).map(|(user, position)| event(*user, position)).collect();
        let finished = worked_off(&log, &troubles);
        for user in 0..4 {
            let of_user = |position: &&i64| users[**position as usize - 1] == user;
            let theirs: Vec<_> = finished.iter().filter(of_user).collect();
            prop_assert!(theirs.is_sorted_by(|a, b| a < b), "{:?}", theirs);
        }
        prop_assert_eq!(finished.len(), log.len());
    }
}

#[test]
fn once_closed_only_what_stands_before_something_begun_is_begun() {
    let mut lanes = Lanes::default();
    // Two users' events, in turns: 0 and 1 are user 0's and user 1's first, and so on; then a third user's.
    (0..40).for_each(|position| lanes.take(event((position % 2) as u8, position)));
    lanes.take(event(2, 40));
    lanes.read_to(40);
    let Some(Next::Handle(first, begun)) = lanes.next() else { panic!("there is something to do") };
    lanes.close();
    lanes.settle(&first, &Handled { done: begun.len(), trouble: None }, moment(0));
    let last = begun.last().unwrap().position;
    assert_eq!(lanes.progress().position, 0, "the other user's first is not done");
    while let Some(next) = lanes.next() {
        let Next::Handle(user, events) = next else { panic!("{next:?}") };
        assert!(events.iter().all(|event| event.position < last), "{events:?}");
        lanes.settle(&user, &Handled { done: events.len(), trouble: None }, moment(0));
    }
    assert_eq!(lanes.progress().position, last, "no gap, and nothing behind it");
}

#[test]
fn once_closed_what_a_lane_left_in_the_log_stays_before_the_position() {
    let mut lanes = Lanes::default();
    // User 0 has more than a lane holds, before and behind the one event of user 1.
    let of = |position: i64| event(u8::from(position == 60), position);
    (0..=100).for_each(|position| lanes.take(of(position)));
    lanes.read_to(100);
    let mut done = Vec::new();
    let mut finish = |lanes: &mut Lanes, user: &UserId, events: &[LoggedEvent]| {
        done.extend(events.iter().map(|event| event.position));
        lanes.settle(user, &Handled { done: events.len(), trouble: None }, moment(0));
    };
    let begun = [lanes.next(), lanes.next()];
    lanes.close();
    for next in begun {
        let Some(Next::Handle(user, events)) = next else { panic!("{next:?}") };
        finish(&mut lanes, &user, &events);
    }
    while let Some(next) = lanes.next() {
        match next {
            Next::Handle(user, events) => finish(&mut lanes, &user, &events),
            Next::ReadAgain(user, behind, up_to) => {
                let of_user = (behind + 1..=up_to).map(of).filter(|event| event.user == user);
                let events: Vec<LoggedEvent> = of_user.take(LANE).collect();
                let more = events.last().filter(|_| events.len() >= LANE).map(|last| last.position);
                lanes.refill(&user, events, more);
            }
            other => panic!("{other:?}"),
        }
    }
    done.sort_unstable();
    assert_eq!(done, (0..=60).collect::<Vec<_>>());
    assert_eq!(lanes.progress().position, 60, "what nobody has handled is not behind us");
}
