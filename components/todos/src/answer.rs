//! What came of a request, as an answer.

use domain::id::TaskId;
use domain::ports::KeptAnswer;
use domain::task::Task;
use guest::etag;
use guest::http::{Answer, json};
use http::StatusCode;
use http::header::{ETAG, HeaderValue, LOCATION};
use serde::Serialize;

/// 200, the task and its tag.
pub(crate) fn task(task: &Task) -> Answer {
    let mut answer = json(StatusCode::OK, task);
    answer.headers_mut().insert(ETAG, etag(task.version));
    answer
}

/// 201, and where the task is.
pub(crate) fn created(task: &Task) -> Answer {
    let mut answer = json(StatusCode::CREATED, task);
    answer.headers_mut().insert(ETAG, etag(task.version));
    if let Ok(location) = HeaderValue::try_from(location(task)) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

/// The same, to be kept.
pub(crate) fn created_to_keep(tasks: &[Task]) -> KeptAnswer {
    let task = tasks.first();
    let headers = task.map(|task| vec![tag(task), ("location".to_owned(), location(task))]);
    let body = domain::json::text(&task);
    KeptAnswer { fingerprint: String::new(), status: 201, headers: headers.unwrap_or_default(), body }
}

/// 200, and of each operation its task, null where it deleted it.
pub(crate) fn batch(tasks: &[Task]) -> Answer {
    json(StatusCode::OK, &Batch::of(tasks))
}

/// The same, to be kept.
pub(crate) fn batch_to_keep(tasks: &[Task]) -> KeptAnswer {
    KeptAnswer { fingerprint: String::new(), status: 200, headers: Vec::new(), body: domain::json::text(&Batch::of(tasks)) }
}

#[derive(Serialize)]
struct Batch<'a> {
    results: Vec<Done<'a>>,
}

#[derive(Serialize)]
struct Done<'a> {
    id: TaskId,
    task: Option<&'a Task>,
}

impl<'a> Batch<'a> {
    fn of(tasks: &'a [Task]) -> Self {
        let done = |task: &'a Task| Done { id: task.id, task: task.deleted_at.is_none().then_some(task) };
        Self { results: tasks.iter().map(done).collect() }
    }
}

fn tag(task: &Task) -> (String, String) {
    ("etag".to_owned(), format!("\"{}\"", task.version))
}

fn location(task: &Task) -> String {
    format!("/api/todos/{}", task.id)
}
