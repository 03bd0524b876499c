use super::*;
use crate::command::{self, Edit, Precondition, Snooze};
use crate::contract::at;
use crate::input;
use crate::preferences::Preferences;
use crate::series::Reach;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A task made at minute 0, due at minute 90, with the lead time given.
fn created(lead: Option<u32>) -> Task {
    made(json!({"title": "x", "due_date": at(90), "reminder_minutes": lead}), 0)
}

fn made(fields: Value, minute: i64) -> Task {
    let new = input::new_task(fields.to_string().as_bytes()).unwrap();
    let id = crate::id::TaskId(uuid::Uuid::from_u128(7));
    command::create(&new, id, &Preferences::default(), at(minute)).unwrap().task
}

/// The task after an edit at that minute.
fn edited(task: &Task, edit: Edit, minute: i64) -> Task {
    let change = command::edit(task, &edit, &Precondition::None, &Preferences::default(), at(minute));
    change.unwrap().map_or_else(|| task.clone(), |change| change.task)
}

fn patch(fields: Value) -> Edit {
    Edit::Change(input::task_patch(fields.to_string().as_bytes()).unwrap(), Reach::Following)
}

fn snooze(until: i64) -> Edit {
    Edit::Snooze(Snooze::Until(at(until)))
}

/// Gives what is due at that minute.
fn give(task: &mut Task, minute: i64) -> Vec<Reminder> {
    let Some((left, reminders)) = due(task, at(minute)) else { return Vec::new() };
    task.notices = left;
    reminders
}

fn kinds(task: &mut Task, minute: i64) -> Vec<NoticeKind> {
    give(task, minute).iter().map(|reminder| reminder.kind).collect()
}

/// The minutes of the notices that are to come.
fn armed_for(task: &Task) -> (Option<i64>, Option<i64>) {
    let minute = |moment: Timestamp| (moment.millis() - at(0).millis()) / 60_000;
    (task.notices.upcoming.map(minute), task.notices.overdue.map(minute))
}

use NoticeKind::{Overdue, Upcoming};

#[test]
fn the_lead_time_is_honoured() {
    assert_eq!(armed_for(&created(Some(60))), (Some(30), Some(90)));
    assert_eq!(armed_for(&created(Some(15))), (Some(75), Some(90)));
    assert_eq!(armed_for(&created(None)), (None, Some(90)), "no lead time leaves the overdue notice");
    assert_eq!(armed_for(&made(json!({"title": "x"}), 0)), (None, None));
    assert_eq!(armed_for(&made(json!({"title": "x", "due_date": at(90)}), 0)), (Some(30), Some(90)), "the preference");
}

#[test]
fn what_is_past_when_it_is_set_is_given_at_once() {
    let mut late = created(Some(600));
    assert_eq!(armed_for(&late), (Some(0), Some(90)));
    assert_eq!(kinds(&mut late, 0), [Upcoming]);
    let mut past = made(json!({"title": "x", "due_date": at(90)}), 100);
    assert_eq!(kinds(&mut past, 100), [Overdue], "that it comes is not true any more");
    assert_eq!(armed_for(&past), (None, None));
}

#[test]
fn each_kind_is_given_once() {
    let mut task = created(Some(60));
    assert_eq!(kinds(&mut task, 29), []);
    assert_eq!(kinds(&mut task, 30), [Upcoming]);
    assert_eq!(kinds(&mut task, 89), []);
    assert_eq!(kinds(&mut task, 90), [Overdue]);
    assert_eq!(kinds(&mut task, 10_000), []);
    assert_eq!(kinds(&mut created(Some(0)), 90), [Upcoming, Overdue], "without a lead time both at the due second");
    assert_eq!(kinds(&mut created(Some(60)), 500), [Upcoming, Overdue], "after a time in which nobody looked");
}

#[test]
fn a_reminder_says_what_it_is_about() {
    let task = created(Some(60));
    let reminder = give(&mut task.clone(), 30).remove(0);
    assert_eq!((reminder.task_id, &reminder.title, reminder.due_date), (task.id, &task.title, at(90)));
    assert_eq!(reminder.link, "/?task=00000000-0000-0000-0000-000000000007");
    assert_eq!(reminder, give(&mut task.clone(), 31).remove(0), "the same however often it is given");
}

#[test]
fn another_due_date_arms_anew_and_none_disarms() {
    let mut task = created(Some(60));
    let first = give(&mut task, 100);
    task = edited(&task, patch(json!({"due_date": at(300)})), 110);
    assert_eq!(armed_for(&task), (Some(240), Some(300)));
    assert_eq!(armed_for(&edited(&task, patch(json!({"due_date": null})), 111)), (None, None));

    task = edited(&task, patch(json!({"due_date": at(90)})), 120);
    let again = give(&mut task, 120);
    assert_eq!(again.len(), 1);
    assert!(!first.iter().any(|old| old.id == again[0].id), "back at the first date, it is a notice of its own");
}

#[test]
fn another_lead_time_arms_the_upcoming_notice_only() {
    let mut task = created(Some(60));
    assert_eq!(kinds(&mut task, 30), [Upcoming]);
    let shorter = edited(&task, patch(json!({"reminder_minutes": 10})), 31);
    assert_eq!(armed_for(&shorter), (Some(80), Some(90)));
    let longer = edited(&task, patch(json!({"reminder_minutes": 600})), 31);
    assert_eq!(armed_for(&longer), (Some(31), Some(90)), "it is past already: at once");
    assert_eq!(armed_for(&edited(&shorter, patch(json!({"reminder_minutes": null})), 32)), (None, Some(90)));
    assert_eq!(kinds(&mut task, 90), [Overdue]);
    assert_eq!(armed_for(&edited(&task, patch(json!({"reminder_minutes": 10})), 91)), (None, None));
}

#[test]
fn other_changes_leave_the_notices() {
    let mut task = created(Some(60));
    assert_eq!(kinds(&mut task, 30), [Upcoming]);
    let changed = edited(&task, patch(json!({"title": "y", "priority": "high", "tags": ["a"], "due_date": at(90)})), 31);
    assert_eq!(armed_for(&changed), (None, Some(90)));
}

#[test]
fn a_snoozed_task_is_silent_and_then_gives_one_notice_that_is_true() {
    let mut task = edited(&created(Some(60)), snooze(50), 1);
    assert_eq!(kinds(&mut task, 49), []);
    assert_eq!(kinds(&mut task, 50), [Upcoming]);
    assert_eq!(kinds(&mut task, 90), [Overdue]);

    let mut task = edited(&created(Some(60)), snooze(200), 1);
    assert_eq!(kinds(&mut task, 199), []);
    assert_eq!(kinds(&mut task, 200), [Overdue]);
    assert_eq!(kinds(&mut task, 10_000), []);

    let mut task = edited(&created(None), snooze(50), 1);
    assert_eq!(kinds(&mut task, 50), [Upcoming], "whatever the lead time");

    let task = edited(&made(json!({"title": "x"}), 0), snooze(50), 1);
    assert_eq!(armed_for(&task), (None, None), "there is nothing to say of a task without a due date");
}

/// Failure 12: the snooze does not end in what it was to hold off, given at once.
#[test]
fn a_snooze_after_a_notice_holds_off_the_next() {
    let mut task = created(Some(60));
    assert_eq!(kinds(&mut task, 30), [Upcoming]);
    task = edited(&task, snooze(40), 31);
    assert_eq!(kinds(&mut task, 39), []);
    assert_eq!(kinds(&mut task, 40), [Upcoming]);
    assert_eq!(kinds(&mut task, 90), [Overdue]);
    task = edited(&task, snooze(120), 91);
    assert_eq!(kinds(&mut task, 119), []);
    assert_eq!(kinds(&mut task, 120), [Overdue]);
    assert_eq!(armed_for(&task), (None, None));
}

#[test]
fn a_snooze_that_ends_before_the_lead_time_leaves_its_notice() {
    let mut task = edited(&created(Some(60)), snooze(10), 1);
    assert_eq!(kinds(&mut task, 10), [Upcoming]);
    assert_eq!(armed_for(&task), (Some(30), Some(90)));
    assert_eq!(kinds(&mut task, 30), [Upcoming]);
    let mut task = edited(&created(Some(60)), snooze(10), 1);
    assert_eq!(kinds(&mut task, 35), [Upcoming], "both moments passed unseen: one notice");
    assert_eq!(armed_for(&task), (None, Some(90)));
}

#[test]
fn what_is_armed_during_a_snooze_waits_for_its_end() {
    let task = edited(&created(Some(60)), snooze(200), 1);
    let sooner = edited(&task, patch(json!({"due_date": at(150)})), 2);
    assert_eq!(armed_for(&sooner), (None, Some(200)));
    let later = edited(&task, patch(json!({"due_date": at(230)})), 2);
    assert_eq!(armed_for(&later), (Some(200), Some(230)));
    let longer = edited(&later, patch(json!({"reminder_minutes": 600})), 3);
    assert_eq!(armed_for(&longer), (Some(200), Some(230)));
    let over = edited(&longer, patch(json!({"due_date": at(400)})), 200);
    assert_eq!(armed_for(&over), (Some(200), Some(400)), "the snooze is over, the lead time is longer than what is left");
}

#[test]
fn nobody_is_reminded_of_what_is_done_or_deleted() {
    for (away, back) in [(Edit::Complete(true), Edit::Complete(false)), (Edit::Delete(Reach::Following), Edit::Restore)] {
        let mut gone = edited(&created(Some(60)), away, 1);
        assert_eq!(gone.remind_at(), None);
        assert_eq!(kinds(&mut gone, 500), []);
        let mut early = edited(&gone, back.clone(), 20);
        assert_eq!(armed_for(&early), (Some(30), Some(90)), "back in time, it is as it was");
        assert_eq!(kinds(&mut early, 30), [Upcoming]);
        assert_eq!(kinds(&mut edited(&gone, back.clone(), 40), 40), [Upcoming], "missed, but true still");
        assert_eq!(kinds(&mut edited(&gone, back, 100), 100), [Overdue], "that it comes is not true any more");
    }
}

#[test]
fn what_was_given_is_not_given_again_after_a_reopening() {
    let mut task = created(Some(60));
    assert_eq!(kinds(&mut task, 90), [Upcoming, Overdue]);
    let task = edited(&edited(&task, Edit::Complete(true), 91), Edit::Complete(false), 92);
    assert_eq!(armed_for(&task), (None, None));
}

#[test]
fn notices_at_the_ends_of_time_are_notices() {
    let first = made(json!({"title": "x", "due_date": Timestamp::MIN, "reminder_minutes": 43_200}), 0);
    assert_eq!(armed_for(&first), (None, Some(0)));
    let last = made(json!({"title": "x", "due_date": Timestamp::MAX, "reminder_minutes": 0}), 0);
    assert_eq!(last.notices, Notices { upcoming: Some(Timestamp::MAX), overdue: Some(Timestamp::MAX) });
}

/// What happens to a task, each so many minutes after the one before.
fn any_event() -> impl Strategy<Value = (i64, Option<Edit>)> {
    let lead = prop::option::of(0..200u32);
    let edit = prop_oneof![
        prop::option::of(-100..1_000i64).prop_map(|due| patch(json!({"due_date": due.map(at)}))),
        lead.prop_map(|lead| patch(json!({"reminder_minutes": lead}))),
        (1..300u32).prop_map(|minutes| Edit::Snooze(Snooze::Minutes(minutes))),
        any::<bool>().prop_map(Edit::Complete),
        Just(Edit::Delete(Reach::Following)),
        Just(Edit::Restore),
        Just(patch(json!({"title": "other"}))),
    ];
    (0..60i64, prop::option::weighted(0.6, edit))
}

proptest! {
    /// Whatever is done, and whenever somebody looks.
    #[test]
    fn notices_come_once_in_time_and_to_the_point(events in prop::collection::vec(any_event(), 1..40)) {
        let (mut task, mut minute, mut ids) = (created(Some(60)), 0, Vec::new());
        for (pause, event) in events {
            minute += pause;
            if let Some(edit) = event {
                if let Ok(Some(change)) = command::edit(&task, &edit, &Precondition::None, &Preferences::default(), at(minute)) {
                    task = change.task;
                }
                continue;
            }
            let before = task.clone();
            for reminder in give(&mut task, minute) {
                prop_assert!(!before.completed() && before.deleted_at.is_none());
                prop_assert!(before.snoozed_until.is_none_or(|until| until <= at(minute)));
                prop_assert!(reminder.kind == Upcoming || before.due_date.unwrap() <= at(minute));
                prop_assert!(!ids.contains(&reminder.id), "given twice");
                ids.push(reminder.id);
            }
            prop_assert!(task.remind_at().is_none_or(|next| next > at(minute)));
            prop_assert_eq!(Task { notices: before.notices, ..task.clone() }, before, "nothing else changes");
        }
        prop_assert!(task.due_date.is_some() || task.notices == Notices::default());
    }

    /// An open task with a due date that was just set is overdue once, whatever came before and whatever is then snoozed before the end.
    #[test]
    fn no_due_date_passes_unnoticed(events in prop::collection::vec(any_event(), 0..20), due_at in 0..2_000i64, snoozes in prop::collection::vec(1..3_000i64, 0..4)) {
        let (mut task, mut minute) = (created(Some(60)), 0);
        for (pause, event) in events {
            minute += pause;
            give(&mut task, minute);
            if let Some(edit) = event.filter(|edit| *edit != Edit::Delete(Reach::Following)) {
                task = edited(&task, edit, minute);
            }
        }
        task = edited(&edited(&task, Edit::Complete(false), minute), patch(json!({"due_date": null})), minute);
        task = edited(&task, patch(json!({"due_date": at(due_at)})), minute);
        for until in snoozes {
            task = edited(&task, snooze(minute + until), minute);
        }
        let given = kinds(&mut task, 100_000);
        prop_assert_eq!(given.iter().filter(|kind| **kind == Overdue).count(), 1);
    }
}
