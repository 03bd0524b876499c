//! One task: it, its changes, its history.

use crate::answer;
use domain::change::Source;
use domain::command::{Command, Edit};
use domain::error::Error;
use domain::id::TaskId;
use domain::input;
use domain::todos::Todos;
use guest::http::{self, Answer, Incoming, Request};
use guest::{Clock, Problem, Session};

/// `GET /api/todos/{id}`
pub(crate) async fn get(request: &Request, id: &str) -> Result<Answer, Problem> {
    let (session, id) = opened(request, id).await?;
    input::no_params(request.query())?;
    let task = Todos { session: &session, clock: &Clock::default(), source: Source::Api }.get(id).await?;
    Ok(answer::task(&task))
}

/// `PUT` and `PATCH /api/todos/{id}`
pub(crate) async fn change(request: &Request, id: &str, body: Incoming) -> Result<Answer, Problem> {
    edit(request, id, async || {
        let reach = input::reach(request.query())?;
        Ok(Edit::Change(input::task_patch(&body.read().await?)?, reach))
    })
    .await
}

/// `PATCH /api/todos/{id}/complete`
pub(crate) async fn complete(request: &Request, id: &str, body: Incoming) -> Result<Answer, Problem> {
    edit(request, id, async || {
        input::no_params(request.query())?;
        Ok(Edit::Complete(input::completion(&body.read().await?)?))
    })
    .await
}

/// `POST /api/todos/{id}/snooze`
pub(crate) async fn snooze(request: &Request, id: &str, body: Incoming) -> Result<Answer, Problem> {
    edit(request, id, async || {
        input::no_params(request.query())?;
        Ok(Edit::Snooze(input::snooze(&body.read().await?)?))
    })
    .await
}

/// `POST /api/todos/{id}/restore`
pub(crate) async fn restore(request: &Request, id: &str) -> Result<Answer, Problem> {
    edit(request, id, async || {
        input::no_params(request.query())?;
        Ok(Edit::Restore)
    })
    .await
}

/// `DELETE /api/todos/{id}`
pub(crate) async fn delete(request: &Request, id: &str) -> Result<Answer, Problem> {
    edit(request, id, async || Ok(Edit::Delete(input::reach(request.query())?))).await?;
    Ok(http::empty(::http::StatusCode::NO_CONTENT))
}

/// `GET /api/todos/{id}/history`
pub(crate) async fn history(request: &Request, id: &str) -> Result<Answer, Problem> {
    let (session, id) = opened(request, id).await?;
    let params = input::history_params(request.query(), id)?;
    let page = Todos { session: &session, clock: &Clock::default(), source: Source::Api }.history(id, params).await?;
    Ok(http::json(::http::StatusCode::OK, &page))
}

/// Who asks, and for what. An id that is no UUID is that of no task.
async fn opened(request: &Request, id: &str) -> Result<(Session, TaskId), Problem> {
    let session = request.session().await?;
    let id = id.parse().map_err(|_| Error::NotFound)?;
    Ok((session, id))
}

/// Does to a task what the request says, whose parameters and body are read only once it is known who asks.
async fn edit(request: &Request, id: &str, read: impl AsyncFnOnce() -> Result<Edit, Problem>) -> Result<Answer, Problem> {
    let (session, id) = opened(request, id).await?;
    let precondition = request.precondition()?;
    let command = Command::Edit { id, precondition, edit: read().await? };
    let task = Todos { session: &session, clock: &Clock::default(), source: Source::Api }.run(&command).await?;
    Ok(answer::task(&task))
}
