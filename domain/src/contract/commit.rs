//! A unit of work commits whole or not at all, and only upon what it has seen.

use super::{Harness, at, commit, creation, renaming, task, user};
use crate::change::{ChangeKind, Source};
use crate::ports::{Failure, KeptAnswer, Session, UnitOfWork};
use crate::preferences::{Preferences, Theme};
use crate::task::{Description, Notices, Place, Priority, Recurrence, ReminderMinutes, RepeatFrom, Rrule};
use crate::task::{Tag, Tags, Task, Template, TimeZone, Title};
use chrono::NaiveDate;
use serde_json::{Value, json};

fn answer(body: &str) -> KeptAnswer {
    KeptAnswer {
        fingerprint: "f".to_owned(),
        status: 201,
        headers: vec![("etag".to_owned(), "\"v1\"".to_owned())],
        body: body.to_owned(),
    }
}

/// A task with every field set.
pub(crate) fn full_task() -> Task {
    Task {
        description: Some(Description::new("line\nline – ünïcode").unwrap()),
        completed_at: Some(at(3)),
        priority: Priority::High,
        tags: Tags::new([Tag::new("zeta").unwrap(), Tag::new("Alpha").unwrap()]).unwrap(),
        due_date: Some(at(90)),
        recurrence: Some(Recurrence {
            rrule: Rrule::new("FREQ=WEEKLY;BYDAY=MO,WE").unwrap(),
            time_zone: TimeZone::new("Europe/Berlin").unwrap(),
            repeat_from: RepeatFrom::Completion,
        }),
        reminder_minutes: Some(ReminderMinutes::new(0).unwrap()),
        snoozed_until: Some(at(10)),
        parent_task_id: Some(task("other").id),
        series_id: Some(task("other").id),
        updated_at: at(5),
        place: Some(Place {
            number: 31,
            anchor: NaiveDate::from_ymd_opt(2026, 3, 29).unwrap().and_hms_opt(2, 30, 0).unwrap(),
            template: Some(Box::new(Template {
                title: Title::new("the series' own").unwrap(),
                description: None,
                priority: Priority::Low,
                tags: Tags::new([Tag::new("a,b").unwrap()]).unwrap(),
                reminder_minutes: ReminderMinutes::new(43_200).ok(),
            })),
        }),
        notices: Notices { upcoming: Some(at(80)), overdue: Some(at(90)) },
        ..task("Ünï \"quoted\" 漢字 🌱")
    }
}

/// One put gives the task as it was put, one history entry, and one event on each of two topics, all with the same number.
pub async fn a_commit_writes_the_task_its_history_and_its_events<H: Harness>(harness: &H) {
    let user = user("whole", "ada");
    let session = harness.session(&user).await;
    let task = full_task();
    commit(&session, [creation(task.clone())]).await.unwrap();

    assert_eq!(session.get(task.id, false).await.unwrap(), Some(task.clone()));
    let history = session.history(Some(task.id), None, 10).await.unwrap();
    let [entry] = history.as_slice() else { panic!("one entry: {history:?}") };
    assert_eq!((entry.sequence, entry.task_id, entry.kind, entry.source), (1, task.id, ChangeKind::Created, Source::Api));
    assert_eq!(entry.changed_fields, creation(task.clone()).changed_fields);

    let published = harness.published(&user).await;
    let [full, summary] = published.as_slice() else { panic!("two events: {published:?}") };
    assert_eq!(
        (full.topic.as_str(), full.kind.as_str(), full.sequence, full.id),
        ("task-events", "task.created", Some(1), entry.id)
    );
    assert_eq!((summary.topic.as_str(), summary.kind.as_str(), summary.sequence), ("task-updates", "sync.task-changed", Some(1)));
    assert_ne!(full.id, summary.id);
    let body: Value = serde_json::from_str(&full.body).unwrap();
    assert_eq!(body["data"]["task"], serde_json::to_value(&task).unwrap());
    assert_eq!((&body["sequence"], &body["partitionkey"]), (&json!("1"), &json!(user.as_str())));
    assert_eq!(body["time"], serde_json::to_value(entry.time).unwrap());
}

/// A handle that is dropped writes nothing.
pub async fn a_dropped_work_leaves_nothing<H: Harness>(harness: &H) {
    let user = user("dropped", "ada");
    let session = harness.session(&user).await;
    let task = task("never");
    let mut work = session.begin(Source::Api).await.unwrap();
    work.put(creation(task.clone())).unwrap();
    work.put_preferences(Preferences { theme: Theme::Dark, ..Preferences::default() }).unwrap();
    work.keep_answer("key", answer("{}")).unwrap();
    assert!(work.once(&format!("dropped/{user}")).await.unwrap());
    drop(work);

    nothing_of(harness, &session, &user, &task).await;
    let mut again = session.begin(Source::Api).await.unwrap();
    assert!(again.once(&format!("dropped/{user}")).await.unwrap());
}

async fn nothing_of<H: Harness>(harness: &H, session: &H::Session, user: &crate::id::UserId, task: &Task) {
    assert_eq!(session.get(task.id, true).await.unwrap(), None);
    assert_eq!(session.history(None, None, 10).await.unwrap(), []);
    assert_eq!(session.preferences().await.unwrap(), Preferences::default());
    assert_eq!(session.kept_answer("key").await.unwrap(), None);
    assert_eq!(harness.published(user).await, []);
}

/// Where one of its changes conflicts, none of what a work wrote is there.
pub async fn a_refused_commit_leaves_nothing<H: Harness>(harness: &H) {
    let user = user("refused", "ada");
    let session = harness.session(&user).await;
    let (good, absent) = (task("good"), task("absent"));
    let mut work = session.begin(Source::Api).await.unwrap();
    work.put(creation(good.clone())).unwrap();
    work.put_preferences(Preferences { theme: Theme::Dark, ..Preferences::default() }).unwrap();
    work.keep_answer("key", answer("{}")).unwrap();
    work.once(&format!("refused/{user}")).await.unwrap();
    work.put(renaming(&absent, "changed")).unwrap();
    assert_eq!(work.commit().await, Err(Failure::Conflict));

    nothing_of(harness, &session, &user, &good).await;
    let mut again = session.begin(Source::Api).await.unwrap();
    assert!(again.once(&format!("refused/{user}")).await.unwrap());
}

/// A change made from a version that is no longer there.
pub async fn a_stale_version_is_a_conflict<H: Harness>(harness: &H) {
    let session = harness.session(&user("stale", "ada")).await;
    let task = task("first");
    commit(&session, [creation(task.clone())]).await.unwrap();
    commit(&session, [renaming(&task, "second")]).await.unwrap();
    assert_eq!(commit(&session, [renaming(&task, "third")]).await, Err(Failure::Conflict));
    assert_eq!(session.get(task.id, false).await.unwrap().unwrap().title.as_str(), "second");
}

/// An id is created once.
pub async fn a_second_creation_is_a_conflict<H: Harness>(harness: &H) {
    let session = harness.session(&user("twice", "ada")).await;
    let task = task("once");
    commit(&session, [creation(task.clone())]).await.unwrap();
    assert_eq!(commit(&session, [creation(task.clone())]).await, Err(Failure::Conflict));
}

/// A commit depends on every task that its work has read, changed or not.
pub async fn what_was_only_read_must_still_stand<H: Harness>(harness: &H) {
    let session = harness.session(&user("read", "ada")).await;
    let (seen, other) = (task("seen"), task("other"));
    commit(&session, [creation(seen.clone())]).await.unwrap();
    let mut work = session.begin(Source::Api).await.unwrap();
    assert_eq!(work.get_for_update(seen.id, false).await.unwrap(), Some(seen.clone()));
    commit(&session, [renaming(&seen, "moved on")]).await.unwrap();
    work.put(creation(other.clone())).unwrap();
    assert_eq!(work.commit().await, Err(Failure::Conflict));
    assert_eq!(session.get(other.id, true).await.unwrap(), None);
}

/// So it does on what was not there, or was there only as deleted.
pub async fn what_was_read_as_absent_must_still_be_absent<H: Harness>(harness: &H) {
    let session = harness.session(&user("absent", "ada")).await;
    let (wanted, other) = (task("wanted"), task("other"));
    let mut work = session.begin(Source::Api).await.unwrap();
    assert_eq!(work.get_for_update(wanted.id, false).await.unwrap(), None);
    commit(&session, [creation(wanted.clone())]).await.unwrap();
    work.put(creation(other)).unwrap();
    assert_eq!(work.commit().await, Err(Failure::Conflict));

    let mut deletion = renaming(&wanted, "deleted");
    deletion.kind = ChangeKind::Deleted;
    deletion.task.deleted_at = Some(at(1));
    let deleted = deletion.task.clone();
    commit(&session, [deletion]).await.unwrap();
    let mut work = session.begin(Source::Api).await.unwrap();
    assert_eq!(work.get_for_update(wanted.id, false).await.unwrap(), None);
    work.put(creation(task("undisturbed"))).unwrap();
    work.commit().await.unwrap();
    let mut work = session.begin(Source::Api).await.unwrap();
    assert_eq!(work.get_for_update(wanted.id, false).await.unwrap(), None);
    let mut restoration = renaming(&deleted, "back");
    restoration.kind = ChangeKind::Restored;
    restoration.task.deleted_at = None;
    commit(&session, [restoration]).await.unwrap();
    work.put(creation(task("disturbed"))).unwrap();
    assert_eq!(work.commit().await, Err(Failure::Conflict));
}

/// Whoever read a task before a notice of it was given would otherwise put the notice back.
pub async fn a_change_made_from_notices_given_meanwhile_is_a_conflict<H: Harness>(harness: &H) {
    let session = harness.session(&user("given meanwhile", "ada")).await;
    let armed = Notices { upcoming: None, overdue: Some(at(1)) };
    let task = Task { due_date: Some(at(1)), notices: armed, ..task("armed") };
    commit(&session, [creation(task.clone())]).await.unwrap();

    let mut work = session.begin(Source::Api).await.unwrap();
    let read = work.get_for_update(task.id, false).await.unwrap().unwrap();
    work.put(renaming(&read, "other")).unwrap();
    let given = Task { notices: Notices::default(), ..task.clone() };
    let mut giving = session.begin(Source::Api).await.unwrap();
    giving.remind(&given, armed, Vec::new()).unwrap();
    giving.commit().await.unwrap();
    assert_eq!(work.commit().await, Err(Failure::Conflict));
    assert_eq!(session.get(task.id, false).await.unwrap(), Some(given));
}

/// Several changes of one task in one work build upon each other.
pub async fn a_work_sees_what_it_has_put<H: Harness>(harness: &H) {
    let user = user("own", "ada");
    let session = harness.session(&user).await;
    let task = task("one");
    let mut work = session.begin(Source::Api).await.unwrap();
    work.put(creation(task.clone())).unwrap();
    let seen = work.get_for_update(task.id, false).await.unwrap().unwrap();
    assert_eq!(seen, task);
    work.put(renaming(&seen, "two")).unwrap();
    let seen = work.get_for_update(task.id, false).await.unwrap().unwrap();
    assert_eq!((seen.title.as_str(), seen.version), ("two", 2));
    assert_eq!(session.get(task.id, true).await.unwrap(), None, "not before the commit");
    work.commit().await.unwrap();
    assert_eq!(session.get(task.id, false).await.unwrap(), Some(seen));
    let sequences: Vec<u64> = harness.published(&user).await.iter().filter_map(|event| event.sequence).collect();
    assert_eq!(sequences, [1, 1, 2, 2]);
}

/// A key is claimed by the first who commits with it.
pub async fn a_claim_is_taken_once<H: Harness>(harness: &H) {
    let user = user("once", "ada");
    let session = harness.session(&user).await;
    let key = format!("once/{user}");
    let mut first = session.begin(Source::Api).await.unwrap();
    let mut second = session.begin(Source::Api).await.unwrap();
    assert!(first.once(&key).await.unwrap());
    assert!(second.once(&key).await.unwrap());
    second.put(creation(task("second"))).unwrap();
    first.commit().await.unwrap();
    assert_eq!(second.commit().await, Err(Failure::Conflict));
    assert_eq!(session.history(None, None, 10).await.unwrap(), []);
    let mut third = session.begin(Source::Api).await.unwrap();
    assert!(!third.once(&key).await.unwrap());
}

/// An answer is kept under a user's key, by the first who commits it.
pub async fn an_answer_is_kept_once<H: Harness>(harness: &H) {
    let (ada, bob) = (user("answer", "ada"), user("answer", "bob"));
    let session = harness.session(&ada).await;
    let mut first = session.begin(Source::Api).await.unwrap();
    let mut second = session.begin(Source::Api).await.unwrap();
    first.keep_answer("key", answer("first")).unwrap();
    second.keep_answer("key", answer("second")).unwrap();
    second.put(creation(task("second"))).unwrap();
    first.commit().await.unwrap();
    assert_eq!(second.commit().await, Err(Failure::Conflict));
    assert_eq!(session.kept_answer("key").await.unwrap(), Some(answer("first")));
    assert_eq!(session.history(None, None, 10).await.unwrap(), []);
    assert_eq!(harness.session(&bob).await.kept_answer("key").await.unwrap(), None);
}

/// They are no event, and the last put stands.
pub async fn preferences_are_kept_without_events<H: Harness>(harness: &H) {
    let user = user("preferences", "ada");
    let session = harness.session(&user).await;
    assert_eq!(session.preferences().await.unwrap(), Preferences::default());
    for theme in [Theme::Dark, Theme::Light] {
        let wanted = Preferences { time_zone: TimeZone::new("America/New_York").unwrap(), default_reminder_minutes: None, theme };
        let mut work = session.begin(Source::Api).await.unwrap();
        work.put_preferences(wanted).unwrap();
        work.commit().await.unwrap();
        assert_eq!(session.preferences().await.unwrap(), wanted);
    }
    assert_eq!(harness.published(&user).await, []);
}

/// A deleted task is kept, and shown only to who asks for it.
pub async fn deleted_tasks_are_found_on_demand<H: Harness>(harness: &H) {
    let session = harness.session(&user("deleted", "ada")).await;
    let task = task("gone");
    commit(&session, [creation(task.clone())]).await.unwrap();
    let mut deletion = renaming(&task, "gone");
    deletion.kind = ChangeKind::Deleted;
    deletion.task.deleted_at = Some(at(1));
    let deleted = deletion.task.clone();
    commit(&session, [deletion]).await.unwrap();
    assert_eq!(session.get(task.id, false).await.unwrap(), None);
    assert_eq!(session.get(task.id, true).await.unwrap(), Some(deleted.clone()));
    let mut work = session.begin(Source::Api).await.unwrap();
    assert_eq!(work.get_for_update(task.id, true).await.unwrap(), Some(deleted));
    let history = session.history(Some(task.id), None, 10).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [ChangeKind::Created, ChangeKind::Deleted]);
}
