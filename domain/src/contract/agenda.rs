//! The agenda of all users. A store may be shared by several tests: these look at their own tasks only.

use super::reminders::{due_task, reminder};
use super::{Harness, at, commit, creation, task, user};
use crate::change::{ChangeKind, Source};
use crate::id::TaskId;
use crate::notification::NoticeKind;
use crate::ports::{Agenda, Session, UnitOfWork};
use crate::task::{Notices, Task};
use crate::time::Timestamp;

/// A task whose first notice is at that moment.
fn noticed_at(title: &str, moment: Timestamp) -> Task {
    Task { due_date: Some(moment), notices: Notices { upcoming: None, overdue: Some(moment) }, ..task(title) }
}

/// Everything that is due by then, followed through pages of one size, as far as it is one of ours.
async fn due<H: Harness>(harness: &H, until: Timestamp, limit: u32, ours: &[TaskId]) -> Vec<Task> {
    let (agenda, mut after, mut found) = (harness.agenda().await, None, Vec::new());
    loop {
        let page = agenda.due(until, after.as_deref(), limit).await.unwrap();
        assert!(page.items.len() <= limit as usize);
        found.extend(page.items.into_iter().map(|item| item.task).filter(|task| ours.contains(&task.id)));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// Each with a session of its owner's, by which it is given.
pub async fn the_agenda_is_everyones_earliest_first<H: Harness>(harness: &H) {
    let (ada, bob) = (user("agenda", "ada"), user("agenda", "bob"));
    let (adas, bobs) = (harness.session(&ada).await, harness.session(&bob).await);
    let (late, early) = (noticed_at("late", at(20)), noticed_at("early", at(10)));
    let (both, future) = (due_task("at 30, not 90"), noticed_at("not yet", at(31)));
    commit(&adas, [creation(late.clone()), creation(both.clone()), creation(future.clone())]).await.unwrap();
    commit(&bobs, [creation(early.clone())]).await.unwrap();
    let ours = [late.id, early.id, both.id, future.id];
    assert_eq!(due(harness, at(30), 1_000, &ours).await, [early.clone(), late, both], "those of minute 30 included");

    let page = harness.agenda().await.due(at(10), None, 1_000).await.unwrap();
    let item = page.items.into_iter().find(|item| item.task.id == early.id).unwrap();
    let mut work = item.session.begin(Source::Api).await.unwrap();
    let left = Task { notices: Notices::default(), ..item.task.clone() };
    work.remind(&left, item.task.notices, vec![reminder(&item.task, NoticeKind::Overdue)]).unwrap();
    work.commit().await.unwrap();
    assert_eq!(bobs.get(early.id, false).await.unwrap(), Some(left));
    assert_eq!(harness.published(&bob).await.last().unwrap().topic, "reminders");
    assert_eq!(due(harness, at(10), 1_000, &ours).await, [], "it was given");
}

/// Completed and deleted tasks keep their notices, but are not listed until they are back.
pub async fn the_agenda_leaves_out_what_needs_no_notice<H: Harness>(harness: &H) {
    let session = harness.session(&user("no notice", "ada")).await;
    let (open, gone) = (noticed_at("open", at(5)), noticed_at("gone", at(5)));
    let done = Task { completed_at: Some(at(1)), ..noticed_at("done", at(5)) };
    let none = Task { due_date: Some(at(5)), ..task("all given") };
    let ours = [open.id, gone.id, done.id, none.id];
    commit(&session, [&open, &gone, &done, &none].map(|task| creation(task.clone()))).await.unwrap();
    commit(&session, [becoming(&gone, ChangeKind::Deleted, |task| task.deleted_at = Some(at(2)))]).await.unwrap();
    assert_eq!(due(harness, at(5), 1_000, &ours).await, [open]);

    commit(&session, [becoming(&done, ChangeKind::Reopened, |task| task.completed_at = None)]).await.unwrap();
    let titles: Vec<String> = due(harness, at(5), 1_000, &ours).await.iter().map(|task| task.title.to_string()).collect();
    assert!(titles.len() == 2 && titles.contains(&"done".to_owned()), "{titles:?}");
}

fn becoming(task: &Task, kind: ChangeKind, edit: impl FnOnce(&mut Task)) -> crate::change::Change {
    let mut task = Task { version: task.version + 1, ..task.clone() };
    edit(&mut task);
    crate::change::Change { kind, base_version: Some(task.version - 1), task, changed_fields: Vec::new() }
}

/// Nothing is left out and nothing comes twice, also where many are due at the same moment.
pub async fn the_agenda_comes_in_pages<H: Harness>(harness: &H) {
    let session = harness.session(&user("agenda pages", "ada")).await;
    let tasks: Vec<Task> = (0..25).map(|n| noticed_at(&n.to_string(), at(n / 10))).collect();
    let ours: Vec<TaskId> = tasks.iter().map(|task| task.id).collect();
    commit(&session, tasks.into_iter().map(creation)).await.unwrap();
    let whole = due(harness, at(2), 1_000, &ours).await;
    assert_eq!(whole.len(), 25);
    assert!(whole.iter().map(|task| task.due_date).is_sorted());
    for limit in [1, 10, 25] {
        assert_eq!(due(harness, at(2), limit, &ours).await, whole);
    }
}

/// Of a year in which no other test does anything.
pub async fn the_next_moment_is_the_first_of_all<H: Harness>(harness: &H) {
    let (agenda, session) = (harness.agenda().await, harness.session(&user("next", "ada")).await);
    let [first, second] = ["1031-01-01T00:00:00Z", "1031-01-02T00:00:00Z"].map(|text| Timestamp::parse(text).unwrap());
    let tasks = [noticed_at("second", second), noticed_at("first", first)];
    commit(&session, tasks.clone().map(creation)).await.unwrap();
    assert_eq!(agenda.next().await.unwrap(), Some(first));
    commit(&session, [becoming(&tasks[1], ChangeKind::Completed, |task| task.completed_at = Some(at(0)))]).await.unwrap();
    assert_eq!(agenda.next().await.unwrap(), Some(second));
    commit(&session, [becoming(&tasks[0], ChangeKind::Updated, |task| task.notices = Notices::default())]).await.unwrap();
    assert!(agenda.next().await.unwrap().is_none_or(|next| next > second));
}
