//! Keeps notices for their readers, and withdraws what no longer applies (`/api/notifications`): a shell around `domain::notifications`.

use domain::consumer::{Disposition, Incoming};
use domain::error::Error;
use domain::{input, notifications};
use guest::http::{self, Answer, Incoming as Body, Request, serve};
use guest::{Clock, Problem, Session};
use serde::Serialize;
use spin_sdk::http::StatusCode;
use spin_sdk::http_service;

guest::event_consumer!(on_event);

async fn on_event(session: Session, event: Incoming) -> Disposition {
    notifications::on_event(&session, &Clock::default(), &event).await
}

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    serve(request, route).await
}

async fn route(request: &Request, _: Body) -> Result<Answer, Problem> {
    match (request.segments().as_slice(), request.method()) {
        (["api", "notifications"], "GET" | "HEAD") => list(request).await,
        (["api", "notifications"], _) => Err(Problem::method_not_allowed("GET, HEAD")),
        (["api", "notifications", "unread-count"], "GET" | "HEAD") => unread_count(request).await,
        (["api", "notifications", "unread-count"], _) => Err(Problem::method_not_allowed("GET, HEAD")),
        (["api", "notifications", "read-all"], "POST") => read_all(request).await,
        (["api", "notifications", "read-all"], _) => Err(Problem::method_not_allowed("POST")),
        (["api", "notifications", id, "read"], "PATCH") => read(request, id).await,
        (["api", "notifications", _, "read"], _) => Err(Problem::method_not_allowed("PATCH")),
        _ => Err(Problem::not_found("Nothing answers to this path.")),
    }
}

/// `GET /api/notifications`
async fn list(request: &Request) -> Result<Answer, Problem> {
    let session = request.session().await?;
    let page = notifications::list(&session, input::notification_params(request.query())?).await?;
    Ok(http::json(StatusCode::OK, &page))
}

/// `GET /api/notifications/unread-count`
async fn unread_count(request: &Request) -> Result<Answer, Problem> {
    #[derive(Serialize)]
    struct Unread {
        count: u64,
    }
    let session = request.session().await?;
    input::no_params(request.query())?;
    Ok(http::json(StatusCode::OK, &Unread { count: notifications::unread_count(&session).await? }))
}

/// `PATCH /api/notifications/{id}/read`. An id that is no UUID is that of no notification.
async fn read(request: &Request, id: &str) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    let id = id.parse().map_err(|_| Error::NotFound)?;
    Ok(http::json(StatusCode::OK, &notifications::mark_read(&session, id).await?))
}

/// `POST /api/notifications/read-all`
async fn read_all(request: &Request) -> Result<Answer, Problem> {
    let session = request.session().await?;
    input::no_params(request.query())?;
    notifications::mark_all_read(&session).await?;
    Ok(http::empty(StatusCode::NO_CONTENT))
}
