//! Notifications are kept for one reader, and announced in the same order as changes are.

use super::{Harness, at, commit, creation, task, user};
use crate::change::Source;
use crate::notification::{Mark, NoticeKind, Notification, NotificationPosition};
use crate::ports::{Failure, Session, UnitOfWork};
use crate::task::{Task, Title};
use serde_json::{Value, json};
use uuid::Uuid;

fn notification(task: &Task, minute: i64) -> Notification {
    Notification {
        id: Uuid::now_v7(),
        kind: NoticeKind::Overdue,
        task_id: task.id,
        title: Title::new("Ünï 🌱").unwrap(),
        due_date: at(90),
        link: format!("/?task={}", task.id),
        read: false,
        created_at: at(minute),
    }
}

async fn keep(session: &impl Session, notifications: &[Notification]) -> Result<(), Failure> {
    let mut work = session.begin(Source::Api).await?;
    for notification in notifications {
        work.notify(notification.clone())?;
    }
    work.commit().await
}

async fn mark(session: &impl Session, mark: Mark) {
    let mut work = session.begin(Source::Api).await.unwrap();
    work.mark_read(mark).unwrap();
    work.commit().await.unwrap();
}

async fn unread(session: &impl Session) -> Vec<Uuid> {
    let unread = session.notifications(true, None, 1_000).await.unwrap();
    assert_eq!(session.unread_count(None).await.unwrap(), unread.len() as u64);
    assert!(unread.iter().all(|it| !it.read));
    unread.iter().map(|it| it.id).collect()
}

/// Behind those of the changes that are committed with it. Reading and withdrawing publish nothing.
pub async fn a_notification_is_kept_and_announced_with_the_next_number<H: Harness>(harness: &H) {
    let user = user("notify", "ada");
    let session = harness.session(&user).await;
    let (one, two) = (task("one"), task("two"));
    commit(&session, [creation(one.clone())]).await.unwrap();
    let kept = notification(&one, 7);
    let mut work = session.begin(Source::Api).await.unwrap();
    work.notify(kept.clone()).unwrap();
    work.put(creation(two)).unwrap();
    assert_eq!(session.notification(kept.id).await.unwrap(), None, "not before the commit");
    work.commit().await.unwrap();
    assert_eq!(session.notification(kept.id).await.unwrap(), Some(kept.clone()));
    assert_eq!(session.notifications(false, None, 10).await.unwrap(), std::slice::from_ref(&kept));

    mark(&session, Mark::All).await;
    commit(&session, [creation(task("three"))]).await.unwrap();
    let published = harness.published(&user).await;
    let updates: Vec<_> = published.iter().filter(|event| event.topic == "task-updates").collect();
    let (changed, created) = ("sync.task-changed", "notification.created");
    let told: Vec<_> = updates.iter().map(|event| (event.sequence, event.kind.as_str())).collect();
    assert_eq!(told, [(Some(1), changed), (Some(2), changed), (Some(3), created), (Some(4), changed)]);
    let body: Value = serde_json::from_str(&updates[2].body).unwrap();
    let data = json!({"id": kept.id, "kind": "reminder.overdue", "task_id": one.id, "created_at": kept.created_at});
    assert_eq!((&body["data"], &body["sequence"]), (&data, &json!("3")));
    assert_ne!(updates[2].id, kept.id, "the event has an id of its own");
    let history = session.history(None, None, 10).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 2, 4]);
}

/// A second one of the same id refuses the whole commit.
pub async fn a_notification_is_kept_once<H: Harness>(harness: &H) {
    let user = user("kept once", "ada");
    let session = harness.session(&user).await;
    let kept = notification(&task("x"), 0);
    keep(&session, std::slice::from_ref(&kept)).await.unwrap();
    mark(&session, Mark::All).await;
    let (again, other) = (Notification { created_at: at(1), ..kept.clone() }, notification(&task("y"), 1));
    assert_eq!(keep(&session, &[other, again]).await, Err(Failure::Conflict));
    assert_eq!(session.notifications(false, None, 10).await.unwrap(), [Notification { read: true, ..kept }]);
    assert_eq!(harness.published(&user).await.len(), 1);
}

/// Of those of one moment, the greatest id first.
pub async fn notifications_come_newest_first_in_pages<H: Harness>(harness: &H) {
    let session = harness.session(&user("notices in pages", "ada")).await;
    let task = task("x");
    let mut all: Vec<Notification> = (0..25).map(|n| notification(&task, n / 10)).collect();
    keep(&session, &all).await.unwrap();
    for read in all.iter_mut().step_by(3) {
        mark(&session, Mark::One(read.id)).await;
        read.read = true;
    }
    all.sort_by_key(|it| std::cmp::Reverse((it.created_at, it.id)));
    let unread: Vec<Notification> = all.iter().filter(|it| !it.read).cloned().collect();
    for (unread_only, expected) in [(false, all), (true, unread)] {
        for limit in [1, 5, 1_000] {
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = session.notifications(unread_only, after, limit).await.unwrap();
                assert!(page.len() <= limit as usize);
                after = page.last().map(|last| NotificationPosition { created_at: last.created_at, id: last.id });
                paged.extend(page);
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(paged, expected, "{limit}");
        }
    }
}

/// One or all; to mark it again, or what is not there, does nothing.
pub async fn notifications_are_marked_as_read<H: Harness>(harness: &H) {
    let session = harness.session(&user("read", "ada")).await;
    let all: Vec<Notification> = (0..4).map(|n| notification(&task("x"), n)).collect();
    keep(&session, &all).await.unwrap();
    assert_eq!(unread(&session).await, [all[3].id, all[2].id, all[1].id, all[0].id]);
    for _ in 0..2 {
        mark(&session, Mark::One(all[1].id)).await;
        mark(&session, Mark::One(Uuid::now_v7())).await;
        assert_eq!(unread(&session).await, [all[3].id, all[2].id, all[0].id]);
    }
    assert_eq!(session.notification(all[1].id).await.unwrap(), Some(Notification { read: true, ..all[1].clone() }));
    mark(&session, Mark::All).await;
    assert!(unread(&session).await.is_empty());
    assert_eq!(session.notifications(false, None, 10).await.unwrap().len(), 4);
    keep(&session, &[notification(&task("y"), 9)]).await.unwrap();
    assert_eq!(session.unread_count(None).await.unwrap(), 1);
}

/// Those of the task that nobody has read, all of them or but those of one due date.
pub async fn what_no_longer_applies_is_withdrawn<H: Harness>(harness: &H) {
    let session = harness.session(&user("withdraw", "ada")).await;
    let (one, other) = (task("one"), task("other"));
    let kept = [notification(&one, 0), notification(&one, 1), notification(&one, 2), notification(&other, 3)];
    let kept = kept.map(|it| Notification { due_date: it.created_at, ..it });
    keep(&session, &kept).await.unwrap();
    mark(&session, Mark::One(kept[0].id)).await;
    let waiting = async |task: &Task| session.unread_count(Some(task.id)).await.unwrap();
    assert_eq!((waiting(&one).await, waiting(&other).await, waiting(&super::task("none")).await), (2, 1, 0));
    let withdraw = async |keep| {
        let mut work = session.begin(Source::Api).await.unwrap();
        work.withdraw(one.id, keep).unwrap();
        work.commit().await.unwrap();
        let left = session.notifications(false, None, 10).await.unwrap();
        left.iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(withdraw(Some(at(2))).await, [kept[3].id, kept[2].id, kept[0].id]);
    assert_eq!(waiting(&one).await, 1);
    assert_eq!(withdraw(None).await, [kept[3].id, kept[0].id]);
    assert_eq!(withdraw(None).await, [kept[3].id, kept[0].id]);
    assert_eq!(session.unread_count(None).await.unwrap(), 1);
}

/// A stranger sees none of them, and changes none.
pub async fn notifications_are_nobody_elses<H: Harness>(harness: &H) {
    let (adas, bobs) = (harness.session(&user("notices", "ada")).await, harness.session(&user("notices", "bob")).await);
    let task = task("ada's");
    let kept = notification(&task, 0);
    keep(&adas, std::slice::from_ref(&kept)).await.unwrap();
    assert_eq!(bobs.notification(kept.id).await.unwrap(), None);
    assert_eq!(bobs.notifications(false, None, 10).await.unwrap(), []);
    assert_eq!(bobs.unread_count(None).await.unwrap(), 0);
    assert_eq!(bobs.unread_count(Some(task.id)).await.unwrap(), 0);
    mark(&bobs, Mark::One(kept.id)).await;
    mark(&bobs, Mark::All).await;
    let mut work = bobs.begin(Source::Api).await.unwrap();
    work.withdraw(task.id, None).unwrap();
    work.commit().await.unwrap();
    assert_eq!(adas.notifications(false, None, 10).await.unwrap(), [kept]);
}
