//! What was done and is not sent yet. It is shown as if it were, in order, and sent in order, each under a key of its own, so that a
//! repeat after an answer that was lost does nothing twice.

use crate::Task;
use crate::task::{Fields, field};
use domain::id::TaskId;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One thing that was done to a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// Its own, and the `Idempotency-Key` of a creation.
    pub key: String,
    /// Whose it is: nothing is ever sent as somebody else.
    pub user: String,
    /// The task; one that is not made yet has an id of this page's own until the server gives it another.
    pub task: TaskId,
    pub what: What,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    Create(Fields),
    /// `was`: what the person saw in these fields, and `seen`: in which version. What somebody else made of them meanwhile is shown and
    /// not overwritten.
    Update {
        changes: Fields,
        was: Fields,
        seen: Option<u64>,
    },
    Complete(bool),
    Snooze(Timestamp),
    Delete,
    Restore,
}

/// A request of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub body: Option<Value>,
    pub if_match: Option<u64>,
    pub idempotency_key: Option<String>,
}

/// What an answer means for what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, or was before.
    Done,
    /// The server is away or busy: later again.
    Later,
    /// The session has ended.
    SignedOut,
    /// Somebody else changed the task meanwhile.
    Collision,
    /// It cannot be done.
    Refused,
}

impl Op {
    pub fn request(&self) -> Request {
        let id = self.task;
        let (method, path, body) = match &self.what {
            What::Create(fields) => ("POST", "/api/todos".to_owned(), Some(Value::Object(fields.clone()))),
            What::Update { changes, .. } => ("PATCH", format!("/api/todos/{id}"), Some(Value::Object(changes.clone()))),
            What::Complete(completed) => ("PATCH", format!("/api/todos/{id}/complete"), Some(json!({"completed": completed}))),
            What::Snooze(until) => ("POST", format!("/api/todos/{id}/snooze"), Some(json!({"until": until}))),
            What::Delete => ("DELETE", format!("/api/todos/{id}"), None),
            What::Restore => ("POST", format!("/api/todos/{id}/restore"), None),
        };
        let if_match = if let What::Update { seen, .. } = &self.what { *seen } else { None };
        let idempotency_key = matches!(self.what, What::Create(_)).then(|| self.key.clone());
        Request { method, path, body, if_match, idempotency_key }
    }

    /// What an answer with this status means.
    pub fn outcome(&self, status: u16) -> Outcome {
        match status {
            200..=299 => Outcome::Done,
            401 => Outcome::SignedOut,
            // Gone already is what was wanted.
            404 if self.what == What::Delete => Outcome::Done,
            412 => Outcome::Collision,
            408 | 429 | 500..=599 => Outcome::Later,
            _ => Outcome::Refused,
        }
    }

    /// Whether the task is already as this would make it: an answer was lost, or somebody did the same.
    pub fn is_done_in(&self, task: &Task) -> bool {
        match &self.what {
            What::Update { changes, .. } => task.has(changes),
            What::Complete(completed) => task.completed == *completed,
            _ => false,
        }
    }

    /// The fields in which somebody else wanted something else meanwhile; none: both can stand.
    pub fn conflicts(&self, theirs: &Task) -> Vec<String> {
        let What::Update { changes, was, .. } = &self.what else { return Vec::new() };
        let only = |name: &String, value: &Value| field(name, value.clone());
        let is_theirs = |name: &String, mine: &Value| {
            !theirs.has(&only(name, mine)) && !was.get(name).is_some_and(|was| theirs.has(&only(name, was)))
        };
        changes.iter().filter(|(name, mine)| is_theirs(name, mine)).map(|(name, _)| name.clone()).collect()
    }

    /// The same on top of what somebody else made of the task meanwhile; none: both cannot stand.
    pub fn on_top_of(&self, theirs: &Task) -> Option<Self> {
        let mut again = self.clone();
        if let What::Update { seen, .. } = &mut again.what {
            *seen = Some(theirs.version);
        }
        self.conflicts(theirs).is_empty().then_some(again)
    }

    /// What the task is called that it creates, as the server will call it.
    fn creates(&self) -> Option<&str> {
        let What::Create(fields) = &self.what else { return None };
        Some(fields.get("title")?.as_str()?.trim())
    }

    /// The task after it.
    fn applied(&self, task: Option<Task>, now: Timestamp) -> Option<Task> {
        match (&self.what, task) {
            (What::Create(fields), _) => Some(Task::new(self.task, fields, now)),
            (What::Delete, _) => None,
            (What::Update { changes, .. }, Some(task)) => Some(task.with(changes)),
            (What::Complete(completed), Some(task)) => {
                Some(Task { completed: *completed, completed_at: completed.then_some(now), ..task })
            }
            (What::Snooze(until), Some(task)) => Some(Task { snoozed_until: Some(*until), ..task }),
            (_, task) => task,
        }
    }
}

/// All that waits, in the order in which it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    waiting: VecDeque<Op>,
    /// What a task that was made here is called at the server. A dialog may have it open under its first name.
    made: BTreeMap<TaskId, TaskId>,
    /// The creation that was sent and is not answered yet, by its key, and the tasks that were called so before it was sent.
    sent: Option<(String, BTreeSet<TaskId>)>,
}

impl Outbox {
    pub fn push(&mut self, op: Op) {
        if !self.waiting.iter().any(|known| known.key == op.key) {
            self.waiting.push_back(op);
        }
    }

    /// The same thing, otherwise.
    pub fn replace(&mut self, op: Op) {
        if let Some(waiting) = self.waiting.iter_mut().find(|known| known.key == op.key) {
            *waiting = op;
        }
    }

    pub fn first(&self) -> Option<&Op> {
        self.waiting.front()
    }

    /// Whether this waits.
    pub fn has(&self, key: &str) -> bool {
        self.waiting.iter().any(|op| op.key == key)
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The first is being sent. `known`: the tasks that the server has told of.
    pub fn send<'a>(&mut self, known: impl Iterator<Item = &'a Task>) {
        let Some(op) = self.waiting.front() else { return };
        if op.creates().is_some() && self.sent.as_ref().is_none_or(|(sent, _)| *sent != op.key) {
            let alike = known.filter(|task| op.creates() == Some(&task.title)).map(|task| task.id).collect();
            self.sent = Some((op.key.clone(), alike));
        }
    }

    /// Whether the server tells of a task that is already shown: its creation is not answered yet, and the word of it was faster.
    pub(crate) fn is_shown(&self, task: &Task) -> bool {
        let Some((key, alike)) = &self.sent else { return false };
        let creation = self.waiting.iter().find(|op| op.key == *key);
        creation.is_some_and(|op| op.creates() == Some(&task.title)) && !alike.contains(&task.id)
    }

    /// It is finished with. What was to be done to the task that it made is now done to the task that the server made.
    pub fn finish(&mut self, key: &str, made: Option<TaskId>) -> Vec<Op> {
        let Some(at) = self.waiting.iter().position(|op| op.key == key) else { return Vec::new() };
        let Some(done) = self.waiting.remove(at) else { return Vec::new() };
        let Some(made) = made.filter(|made| *made != done.task) else { return Vec::new() };
        self.made.insert(done.task, made);
        let mut renamed = Vec::new();
        for op in self.waiting.iter_mut().filter(|op| op.task == done.task) {
            op.task = made;
            renamed.push(op.clone());
        }
        renamed
    }

    /// What could not be made is not there for what was to be done to it.
    pub fn give_up(&mut self, key: &str) -> Vec<Op> {
        let Some(at) = self.waiting.iter().position(|op| op.key == key) else { return Vec::new() };
        let Some(refused) = self.waiting.remove(at) else { return Vec::new() };
        let mut given_up = vec![refused.clone()];
        if matches!(refused.what, What::Create(_)) {
            let (lost, kept): (Vec<Op>, Vec<Op>) = self.waiting.drain(..).partition(|op| op.task == refused.task);
            self.waiting = VecDeque::from(kept);
            given_up.extend(lost);
        }
        given_up
    }

    /// The task that is meant: one that was shown before the server had made it has another id since.
    pub fn real(&self, task: TaskId) -> TaskId {
        self.made.get(&task).copied().unwrap_or(task)
    }

    /// All that waits, in order.
    pub fn all(&self) -> Vec<Op> {
        self.waiting.iter().cloned().collect()
    }

    /// Takes over what another page has left, in order: it was done before what waits here.
    pub fn adopt(&mut self, left: impl DoubleEndedIterator<Item = Op>) {
        for op in left.rev().filter(|op| !self.has(&op.key)).collect::<Vec<_>>() {
            self.waiting.push_front(op);
        }
    }

    /// The tasks that something waits for.
    pub(crate) fn tasks(&self) -> BTreeSet<TaskId> {
        let mut tasks = BTreeSet::new();
        for op in &self.waiting {
            tasks.insert(op.task);
        }
        tasks
    }

    /// A task after all that waits for it.
    pub(crate) fn applied(&self, id: TaskId, task: Option<Task>, now: Timestamp) -> Option<Task> {
        self.waiting.iter().filter(|op| op.task == id).fold(task, |task, op| op.applied(task, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Tasks;
    use crate::task::tests::{at, task};
    use uuid::Uuid;

    fn op(key: &str, task: u128, what: What) -> Op {
        Op { key: key.to_owned(), user: "ada".to_owned(), task: TaskId(Uuid::from_u128(task)), what }
    }

    fn fields(value: Value) -> Fields {
        value.as_object().unwrap().clone()
    }

    fn change(changes: Value, was: Value) -> What {
        What::Update { changes: fields(changes), was: fields(was), seen: Some(1) }
    }

    #[test]
    fn two_who_change_one_field_collide_and_in_two_fields_they_do_not() {
        let op = op("a", 1, change(json!({"title": "Rye", "tags": ["x"]}), json!({"title": "Bread", "tags": []})));
        let mut theirs = task(1, "Bread");
        theirs.description = Some("of the market".to_owned());
        assert!(op.conflicts(&theirs).is_empty());
        theirs.version = 4;
        assert_eq!(op.on_top_of(&theirs).unwrap().request().if_match, Some(4));
        theirs.title = "Cake".to_owned();
        assert_eq!((op.conflicts(&theirs), op.on_top_of(&theirs)), (vec!["title".to_owned()], None));
        theirs.title = "Rye".to_owned();
        assert!(op.conflicts(&theirs).is_empty(), "both wanted the same");
    }

    #[test]
    fn what_waits_is_shown_as_if_it_were_done() {
        let (mut tasks, mut outbox, now) = (Tasks::default(), Outbox::default(), at("2026-05-02T09:00:00Z"));
        tasks.hear(task(1, "Bread"));
        tasks.hear(task(2, "Milk"));
        outbox.push(op("a", 1, change(json!({"title": "Rye bread"}), json!({"title": "Bread"}))));
        outbox.push(op("b", 1, What::Complete(true)));
        outbox.push(op("c", 2, What::Delete));
        outbox.push(op("d", 9, What::Create(fields(json!({"title": "Tea"})))));
        let meant = tasks.meant(&outbox, now);
        let shown: Vec<(&str, bool)> = meant.iter().map(|task| (task.title.as_str(), task.completed)).collect();
        assert_eq!(shown, [("Rye bread", true), ("Tea", false)]);
        assert_eq!(tasks.get(task(1, "").id).unwrap().title, "Bread", "what the server said stays as it was");
    }

    #[test]
    fn what_is_done_to_a_task_that_is_not_made_yet_goes_to_the_one_that_is() {
        let mut outbox = Outbox::default();
        outbox.push(op("a", 9, What::Create(fields(json!({"title": "Tea"})))));
        outbox.push(op("b", 9, What::Complete(true)));
        outbox.push(op("b", 9, What::Complete(true)));
        assert_eq!(outbox.len(), 2, "one key is one thing");
        let made = TaskId(Uuid::from_u128(77));
        let renamed = outbox.finish("a", Some(made));
        assert_eq!(renamed.len(), 1);
        assert_eq!(outbox.first().unwrap().request().path, format!("/api/todos/{made}/complete"));
        assert_eq!(
            (outbox.real(renamed[0].task), outbox.real(TaskId(Uuid::from_u128(9)))),
            (made, made),
            "what is done to it later, too"
        );
    }

    #[test]
    fn a_task_whose_creation_is_not_answered_yet_is_shown_once_and_its_namesakes_too() {
        let (mut tasks, mut outbox, now) = (Tasks::default(), Outbox::default(), at("2026-05-02T09:00:00Z"));
        tasks.hear(task(1, "Tea"));
        outbox.push(op("a", 9, What::Create(fields(json!({"title": " Tea "})))));
        let shown = |tasks: &Tasks, outbox: &Outbox| -> Vec<u128> {
            tasks.meant(outbox, now).iter().map(|task| task.id.0.as_u128()).collect()
        };
        outbox.send(tasks.iter());
        assert_eq!(shown(&tasks, &outbox), [1, 9], "a task of that name that was there before");
        tasks.hear(task(77, "Tea"));
        tasks.hear(task(78, "Bread"));
        outbox.send(tasks.iter());
        assert_eq!(shown(&tasks, &outbox), [1, 78, 9], "sent once more, since its answer was lost");
        outbox.finish("a", Some(task(77, "").id));
        assert_eq!(shown(&tasks, &outbox), [1, 77, 78]);
    }

    #[test]
    fn what_was_to_be_done_to_a_task_that_cannot_be_made_goes_with_it() {
        let mut outbox = Outbox::default();
        outbox.push(op("a", 9, What::Create(Fields::new())));
        outbox.push(op("b", 1, What::Complete(true)));
        outbox.push(op("c", 9, What::Delete));
        let keys: Vec<String> = outbox.give_up("a").into_iter().map(|op| op.key).collect();
        assert_eq!(keys, ["a", "c"]);
        assert_eq!(outbox.first().unwrap().key, "b");
    }

    #[test]
    fn an_answer_is_read_for_what_it_means() {
        let (create, delete) = (op("a", 1, What::Create(Fields::new())), op("b", 1, What::Delete));
        assert_eq!(create.outcome(201), Outcome::Done);
        assert_eq!((create.outcome(404), delete.outcome(404)), (Outcome::Refused, Outcome::Done));
        for later in [408, 429, 500, 503, 504] {
            assert_eq!(create.outcome(later), Outcome::Later, "{later}");
        }
        assert_eq!((create.outcome(401), create.outcome(412)), (Outcome::SignedOut, Outcome::Collision));
        let update = op("c", 1, change(json!({"title": "Bread"}), json!({})));
        assert!(update.is_done_in(&task(1, "Bread")) && !update.is_done_in(&task(1, "Cake")));
        assert_eq!(update.request().if_match, Some(1));
    }

    #[test]
    fn what_waits_is_read_back_as_it_was_kept() {
        let kept = op("a", 1, What::Snooze(at("2026-05-02T09:00:00Z")));
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Op>(&text).unwrap(), kept);
    }
}
