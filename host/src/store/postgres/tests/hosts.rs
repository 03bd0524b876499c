//! Several hosts on one database: they hear each other, take turns, and do together what one does.

use super::{Fixture, at, creation, open, set, task, user};
use crate::store::{Account, Accounts, ChangeSet, EventLog, Ledger, Memory, Note, Reminded, Seen, SignIn, Store, StoreError};
use domain::change::{Change, ChangeKind};
use domain::notification::{NoticeKind, Notification};
use domain::task::{Notices, Task, Title};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_heard_by_another_host() {
    let here = Fixture::new().await;
    let there = here.another().await;
    let mut heard = there.store.committed();
    heard.mark_unchanged();
    for n in 1..=20 {
        let begun = Instant::now();
        here.store.commit(set(&user("ada"), vec![creation(task("told"))])).await.unwrap();
        tokio::time::timeout(Duration::from_secs(2), heard.wait_for(|position| *position >= n * 2)).await.unwrap().unwrap();
        let event = there.store.events_after(&[], n * 2 - 1, 10).await.unwrap();
        assert_eq!(event.iter().map(|event| event.position).collect::<Vec<_>>(), [n * 2]);
        assert!(n == 1 || begun.elapsed() < Duration::from_secs(1), "it is told, not found by looking");
    }
}

/// Whoever reads on from where it was misses nothing, however many write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_are_in_the_order_of_commits() {
    let first = Fixture::new().await;
    let hosts = [first.another().await, first.another().await];
    let writes = async {
        for round in 0..30 {
            let sets = (0..24).map(|n| {
                let changes = (0..1 + n % 5).map(|_| creation(task("busy"))).collect();
                hosts[n % 2].store.commit(set(&user(&format!("user {}", (round + n) % 9)), changes))
            });
            join_all(sets).await.into_iter().for_each(|answer| answer.unwrap());
        }
    };
    let reads = async {
        let (mut position, mut seen) = (0, Vec::new());
        while seen.len() < 30 * (0..24).map(|n| 1 + n % 5).sum::<usize>() * 2 {
            for event in first.store.events_after(&[], position, 7).await.unwrap() {
                position = event.position;
                seen.push((event.user, event.topic, event.sequence.unwrap()));
            }
            assert!(position <= first.store.last_position().await.unwrap());
        }
        seen
    };
    let (_, seen) =
        tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(writes, reads) }).await.expect("none is missed");
    let mut last: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (user, topic, sequence) in seen {
        let before = last.insert((user.to_string(), topic), sequence).unwrap_or(0);
        assert_eq!(sequence, before + 1, "in the user's order");
    }
}

fn renamed(task: &Task, title: &str) -> Change {
    let task = Task { title: Title::new(title).unwrap(), version: task.version + 1, ..task.clone() };
    Change { kind: ChangeKind::Updated, base_version: Some(task.version - 1), task, changed_fields: Vec::new() }
}

/// One of the answers is well, and every other is a conflict.
fn one_wins(answers: &[Result<(), StoreError>]) {
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(StoreError::Conflict))), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hosts_that_want_the_same_one_wins_and_numbers_have_no_gap() {
    let first = Fixture::new().await;
    let hosts = [first.another().await, first.another().await, first];
    let ada = user("ada");
    let everywhere = async |make: &dyn Fn() -> ChangeSet| join_all(hosts.iter().map(|host| host.store.commit(make()))).await;
    let mut wins = 0;
    for round in 0..20 {
        let seen = Task { notices: Notices { upcoming: None, overdue: Some(at(1)) }, due_date: Some(at(1)), ..task("seen") };
        hosts[0].store.commit(set(&ada, vec![creation(seen.clone())])).await.unwrap();
        one_wins(&everywhere(&|| set(&ada, vec![renamed(&seen, "renamed")])).await);
        // Claims are of no user: here each host acts for one of its own.
        let key = ("group".to_owned(), format!("key {round}"));
        let claims = hosts.iter().enumerate().map(|(n, host)| {
            host.store.commit(ChangeSet {
                once: vec![key.clone()],
                ..set(&user(&format!("user {n}")), vec![creation(task("claimed"))])
            })
        });
        one_wins(&join_all(claims).await);
        let answer = domain::ports::KeptAnswer { fingerprint: "f".into(), status: 201, headers: Vec::new(), body: "{}".into() };
        one_wins(
            &everywhere(&|| ChangeSet { kept_answer: Some((format!("key {round}"), answer.clone())), ..set(&ada, Vec::new()) })
                .await,
        );
        let kept = Notification {
            id: Uuid::now_v7(),
            kind: NoticeKind::Overdue,
            task_id: seen.id,
            title: seen.title.clone(),
            due_date: at(1),
            link: "/".to_owned(),
            read: false,
            created_at: at(1),
        };
        one_wins(&everywhere(&|| ChangeSet { notes: vec![Note::Keep(kept.clone())], ..set(&ada, Vec::new()) }).await);
        let now = Task { version: 2, ..seen.clone() };
        let given = || {
            let left = Notices::default();
            let reminded = Reminded { task: seen.id, seen: Seen::from(&now), left, given: Vec::new() };
            ChangeSet { reminded: vec![reminded], ..set(&ada, Vec::new()) }
        };
        one_wins(&everywhere(&given).await);
        let key = format!("key {round}");
        let claimed = join_all(hosts.iter().map(|host| host.store.claim(&key, at(0), at(5)))).await;
        assert_eq!(claimed.into_iter().map(Result::unwrap).filter(|claimed| *claimed).count(), 1);
        wins += 3;
    }
    let (last, oldest) = hosts[1].store.stream_bounds(&ada).await.unwrap();
    assert_eq!((last, oldest), (wins, Some(1)));
    let stream = hosts[1].store.stream_after(&ada, 0, 1_000).await.unwrap();
    assert_eq!(stream.iter().filter_map(|event| event.sequence).collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>());
}

/// New users of several hosts in one group each, in every order: whoever waits for whom, all are written.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_meet_the_same_new_users_do_not_lose_each_other() {
    let first = Fixture::new().await;
    let hosts = [first.another().await, first];
    for round in 0..5 {
        let sets = (0..60).map(|n: usize| {
            let (host, n) = (&hosts[n % 2], if n.is_multiple_of(2) { n } else { 60 - n });
            host.store.commit(set(&user(&format!("user {round} {}", n / 2)), vec![creation(task("new"))]))
        });
        join_all(sets).await.into_iter().for_each(|answer| answer.unwrap());
    }
    assert_eq!(hosts[0].sql("SELECT count(*) FROM task"), "300");
    assert_eq!(hosts[0].sql("SELECT count(*) FROM user_sequence WHERE sequence NOT BETWEEN 1 AND 4"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_one_hosts_until_it_ends_however_that_comes_about() {
    let here = Fixture::new().await;
    let there = here.another().await;
    let turns = join_all((0..8).map(|n| [&here, &there][n % 2].store.turn("relay"))).await;
    let mut held: Vec<_> = turns.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(held.len(), 1, "also where nobody had one before");
    assert!(there.store.turn("other").await.unwrap().is_some(), "each group has its own");
    held.remove(0).keep(5).await.unwrap();

    let lost = there.store.turn("relay").await.unwrap().unwrap();
    assert_eq!(lost.position(), 5);
    assert!(here.store.turn("relay").await.unwrap().is_none());
    // The host dies.
    there.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'");
    let mut next = None;
    while next.is_none() {
        next = here.store.turn("relay").await.unwrap();
    }
    assert!(matches!(lost.keep(9).await, Err(StoreError::Unavailable(_))), "it has lost its turn");
    let next = next.unwrap();
    assert_eq!(next.position(), 5);
    next.keep(8).await.unwrap();
    assert_eq!(there.store.group_position("relay").await.unwrap(), Some(8));
}

#[tokio::test]
async fn a_position_never_goes_back() {
    let here = Fixture::new().await;
    for (kept, expected) in [(5, 5), (3, 5), (9, 9)] {
        here.store.set_group_position("group", kept).await.unwrap();
        assert_eq!(here.store.group_position("group").await.unwrap(), Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hosts_have_the_key_that_was_first_offered() {
    let first = Fixture::new().await;
    let hosts = [first.another().await, first.another().await, first];
    let offer = async |n: u8| hosts[usize::from(n) % 3].store.shared_key(&[n; 32]).await.unwrap().unwrap();
    let keys = join_all((0..9).map(offer)).await;
    assert!(keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
}

/// A user who is being deleted by one host writes through another.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_while_it_writes_elsewhere_leaves_no_row() {
    let here = Fixture::new().await;
    let there = here.another().await;
    let ada = user("ada");
    for _ in 0..20 {
        let refused = AtomicBool::new(false);
        let deleted = AtomicBool::new(false);
        let writes = async {
            while !deleted.load(Ordering::Relaxed) {
                if there.store.commit(set(&ada, vec![creation(task("late"))])).await.is_err() {
                    return refused.store(true, Ordering::Relaxed);
                }
            }
        };
        let deletes = async {
            here.store.delete_account(&ada).await.unwrap();
            deleted.store(true, Ordering::Relaxed);
        };
        tokio::join!(writes, deletes);
        // Otherwise it has written on when all was done.
        if refused.into_inner() {
            for table in ["task", "task_tag", "task_gram", "task_event", "outbox", "user_sequence", "departed"] {
                assert_eq!(here.sql(&format!("SELECT count(*) FROM {table}")), "0", "{table}");
            }
        }
    }
}

/// A sign-in by the old password is written through one host while another replaces it.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_ends_with_a_new_password_elsewhere_or_finds_it_there() {
    let here = Fixture::new().await;
    let there = here.another().await;
    let ada = user("ada");
    let (email, password_hash) = ("ada@example.org".to_owned(), "0".to_owned());
    let account = Account { id: ada.clone(), email, name: None, password_hash, created_at: at(0) };
    here.store.create_account(&account).await.unwrap();
    for round in 0..50 {
        let (old, new) = (round.to_string(), (round + 1).to_string());
        let sign_in = SignIn { id: Uuid::now_v7(), user: ada.clone(), created_at: at(0), expires_at: at(9) };
        let signs_in = async {
            there.store.create_sign_in(&sign_in).await.unwrap();
            there.store.account(&ada).await.unwrap().unwrap().password_hash
        };
        let (changed, found) = tokio::join!(here.store.change_password(&ada, &old, &new, None), signs_in);
        assert!(changed.unwrap());
        assert!(found == new || there.store.sign_in(sign_in.id).await.unwrap().is_none(), "round {round}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_hosts_that_start_together_make_the_tables_once() {
    let server = parts::Postgres::shared().unwrap();
    for _ in 0..3 {
        let url = server.database().unwrap();
        let hosts = join_all((0..10).map(|_| open(&url, 4))).await;
        let answers = join_all(hosts.iter().map(|(store, _)| store.commit(set(&user("ada"), vec![creation(task("one"))])))).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        assert_eq!(server.sql(&url, "SELECT count(*) FROM _sqlx_migrations WHERE success").unwrap(), "3");
        join_all(hosts.iter().map(|(store, _)| store.close())).await;
    }
}
