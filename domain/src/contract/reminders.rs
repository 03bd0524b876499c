//! A reminder and the mark that it was given are one.

use super::{Harness, Published, at, commit, creation, renaming, task, user};
use crate::change::Source;
use crate::id::UserId;
use crate::notification::{NoticeKind, Reminder};
use crate::ports::{Failure, Session, UnitOfWork};
use crate::task::{Notices, Task};
use serde_json::{Value, json};
use uuid::Uuid;

/// A task that is due at minute 90, with both of its notices still to come.
pub(super) fn due_task(title: &str) -> Task {
    Task { due_date: Some(at(90)), notices: Notices { upcoming: Some(at(30)), overdue: Some(at(90)) }, ..task(title) }
}

pub(super) fn reminder(task: &Task, kind: NoticeKind) -> Reminder {
    let link = format!("/?task={}", task.id);
    Reminder { id: Uuid::now_v7(), kind, task_id: task.id, title: task.title.clone(), due_date: at(90), link }
}

/// The task without its upcoming notice, as after that was given.
fn reminded(task: &Task) -> Task {
    Task { notices: Notices { upcoming: None, ..task.notices }, ..task.clone() }
}

/// Gives the upcoming notice.
async fn remind(session: &impl Session, task: &Task) -> Result<Reminder, Failure> {
    let reminder = reminder(task, NoticeKind::Upcoming);
    let mut work = session.begin(Source::Api).await?;
    work.remind(&reminded(task), task.notices, vec![reminder.clone()])?;
    work.commit().await?;
    Ok(reminder)
}

async fn given<H: Harness>(harness: &H, user: &UserId) -> Vec<Published> {
    let published = harness.published(user).await;
    published.into_iter().filter(|event| event.topic == "reminders").collect()
}

/// The event has no number, and takes none; of the task only the notices are others than before.
pub async fn a_reminder_is_published_with_its_mark<H: Harness>(harness: &H) {
    let user = user("remind", "ada");
    let session = harness.session(&user).await;
    let task = due_task("Water");
    commit(&session, [creation(task.clone())]).await.unwrap();
    let both = [reminder(&task, NoticeKind::Upcoming), reminder(&task, NoticeKind::Overdue)];
    let left = Task { notices: Notices { upcoming: Some(at(80)), overdue: None }, ..task.clone() };
    let mut work = session.begin(Source::Api).await.unwrap();
    work.remind(&left, task.notices, both.to_vec()).unwrap();
    assert_eq!(given(harness, &user).await, [], "not before the commit");
    work.commit().await.unwrap();

    assert_eq!(session.get(task.id, false).await.unwrap(), Some(left));
    assert_eq!(session.history(None, None, 10).await.unwrap().len(), 1);
    let events = given(harness, &user).await;
    assert_eq!(events.len(), 2);
    for (event, reminder) in events.iter().zip(&both) {
        assert_eq!((event.id, event.kind.as_str(), event.sequence), (reminder.id, reminder.kind.name(), None));
        let body: Value = serde_json::from_str(&event.body).unwrap();
        assert_eq!((&body["partitionkey"], body.get("sequence")), (&json!(user.as_str()), None));
        assert_eq!((&body["data"]["title"], &body["data"]["task_id"]), (&json!("Water"), &json!(task.id)));
    }
    commit(&session, [creation(super::task("next"))]).await.unwrap();
    let numbers: Vec<Option<u64>> = harness.published(&user).await.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, [Some(1), Some(1), None, None, Some(2), Some(2)]);
}

/// Of two who read the same notices, one gives them.
pub async fn what_was_given_is_not_given_again<H: Harness>(harness: &H) {
    let user = user("again", "ada");
    let session = harness.session(&user).await;
    let task = due_task("once");
    commit(&session, [creation(task.clone())]).await.unwrap();
    let reminder = remind(&session, &task).await.unwrap();
    assert_eq!(remind(&session, &task).await, Err(Failure::Conflict));
    let ids: Vec<Uuid> = given(harness, &user).await.iter().map(|event| event.id).collect();
    assert_eq!(ids, [reminder.id]);
    assert_eq!(session.get(task.id, false).await.unwrap(), Some(reminded(&task)));
}

/// Nor of one that is not there, or is somebody else's.
pub async fn no_reminder_is_given_of_a_task_that_has_changed<H: Harness>(harness: &H) {
    let (ada, bob) = (user("changed", "ada"), user("changed", "bob"));
    let session = harness.session(&ada).await;
    let task = due_task("old");
    commit(&session, [creation(task.clone())]).await.unwrap();
    assert_eq!(remind(&harness.session(&bob).await, &task).await, Err(Failure::Conflict));
    assert_eq!(remind(&session, &due_task("absent")).await, Err(Failure::Conflict));
    let change = renaming(&task, "new");
    let changed = change.task.clone();
    commit(&session, [change]).await.unwrap();
    assert_eq!(remind(&session, &task).await, Err(Failure::Conflict));
    assert_eq!(session.get(task.id, false).await.unwrap(), Some(changed.clone()));
    assert_eq!((given(harness, &ada).await, given(harness, &bob).await), (vec![], vec![]));
    remind(&session, &changed).await.unwrap();
}

/// A mark leaves the version, so that it is no change to whoever says `If-Match`. What is put behind it has the last word on the notices.
pub async fn a_task_can_be_changed_after_its_reminder<H: Harness>(harness: &H) {
    let session = harness.session(&user("after", "ada")).await;
    let task = due_task("old");
    commit(&session, [creation(task.clone())]).await.unwrap();
    remind(&session, &task).await.unwrap();
    let mut change = renaming(&task, "new");
    change.task.notices = Notices { upcoming: Some(at(40)), overdue: None };
    let changed = change.task.clone();
    commit(&session, [change]).await.unwrap();
    assert_eq!(session.get(task.id, false).await.unwrap(), Some(changed));
}

/// The reminder stands and falls with everything else of its unit of work.
pub async fn a_refused_commit_gives_no_reminder<H: Harness>(harness: &H) {
    let user = user("refused notice", "ada");
    let session = harness.session(&user).await;
    let task = due_task("silent");
    commit(&session, [creation(task.clone())]).await.unwrap();
    let mut work = session.begin(Source::Api).await.unwrap();
    work.remind(&reminded(&task), task.notices, vec![reminder(&task, NoticeKind::Upcoming)]).unwrap();
    work.put(renaming(&super::task("absent"), "x")).unwrap();
    assert_eq!(work.commit().await, Err(Failure::Conflict));
    assert_eq!(session.get(task.id, false).await.unwrap(), Some(task));
    assert_eq!(given(harness, &user).await, []);
}
