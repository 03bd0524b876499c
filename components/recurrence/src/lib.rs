//! Makes the next occurrence of a recurring task once it is completed, and shows which dates a rule gives (`/api/recurrence`): a
//! shell around `domain::series`.

use domain::consumer::{Disposition, Incoming};
use domain::{input, series};
use guest::http::{self, Answer, Incoming as Body, Request, serve};
use guest::{Clock, Problem, Session};
use spin_sdk::http::StatusCode;
use spin_sdk::http_service;

guest::event_consumer!(on_event);

async fn on_event(session: Session, event: Incoming) -> Disposition {
    series::on_event(&session, &Clock::default(), &event).await
}

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    serve(request, route).await
}

async fn route(request: &Request, body: Body) -> Result<Answer, Problem> {
    match (request.segments().as_slice(), request.method()) {
        (["api", "recurrence", "preview"], "POST") => preview(request, body).await,
        (["api", "recurrence", "preview"], _) => Err(Problem::method_not_allowed("POST")),
        _ => Err(Problem::not_found("Nothing answers to this path.")),
    }
}

/// `POST /api/recurrence/preview`
async fn preview(request: &Request, body: Body) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let asked = input::preview(&body.read().await?)?;
    Ok(http::json(StatusCode::OK, &series::preview(&session, &asked).await?))
}
