//! All of a user's tasks: lists, new ones, batches.

use crate::answer;
use domain::change::Source;
use domain::command::Command;
use domain::input;
use domain::ports::{Clock as _, KeptAnswer};
use domain::task::Task;
use domain::todos::{self, Idempotency, Todos};
use guest::http::{self, Answer, Incoming, Request};
use guest::{Clock, Problem};

/// `GET /api/todos`
pub(crate) async fn list(request: &Request) -> Result<Answer, Problem> {
    let (session, clock) = (request.session().await?, Clock::default());
    let query = input::list_params(request.query(), clock.now())?;
    let page = Todos { session: &session, clock: &clock, source: Source::Api }.list(query).await?;
    Ok(http::json(::http::StatusCode::OK, &page))
}

/// `POST /api/todos`
pub(crate) async fn create(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let (session, clock) = (request.session().await?, Clock::default());
    input::no_params(request.query())?;
    let body = body.read().await?;
    let command = Command::Create(input::new_task(&body)?);
    let idempotency = idempotency(request, &body, &answer::created_to_keep)?;
    let todos = Todos { session: &session, clock: &clock, source: Source::Api };
    match todos.run_once(&command, idempotency.as_ref()).await? {
        todos::Answer::Fresh(task) => Ok(answer::created(&task)),
        todos::Answer::Kept(kept) => http::kept(kept),
    }
}

/// `POST /api/todos/batch`
pub(crate) async fn batch(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let (session, clock) = (request.session().await?, Clock::default());
    input::no_params(request.query())?;
    let body = body.read().await?;
    let commands = input::batch(&body)?;
    let idempotency = idempotency(request, &body, &answer::batch_to_keep)?;
    let todos = Todos { session: &session, clock: &clock, source: Source::Api };
    match todos.batch(&commands, idempotency.as_ref()).await? {
        todos::Answer::Fresh(tasks) => Ok(answer::batch(&tasks)),
        todos::Answer::Kept(kept) => http::kept(kept),
    }
}

/// The promise that the request's `Idempotency-Key` asks for.
fn idempotency<'a>(
    request: &'a Request,
    body: &[u8],
    answer: &'a (dyn Fn(&[Task]) -> KeptAnswer + Sync),
) -> Result<Option<Idempotency<'a>>, Problem> {
    let Some(key) = request.idempotency_key()? else { return Ok(None) };
    Ok(Some(Idempotency::new(key, &[request.path().as_bytes(), body], answer)?))
}
