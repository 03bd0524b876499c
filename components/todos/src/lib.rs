//! `/api/todos`: a shell around the use cases of `domain`. It reads what was asked, says who asks, and writes what came of it.
//!
//! What must not live here: rules of a task; how a refusal looks (that is `guest::Problem`).

mod answer;
mod collection;
mod task;

use guest::Problem;
use guest::http::{Answer, Incoming, Request, serve};
use spin_sdk::http_service;

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    serve(request, route).await
}

/// By path, then by method. `batch` is no id, for an id is a UUID.
async fn route(request: &Request, body: Incoming) -> Result<Answer, Problem> {
    let segments = request.segments();
    let method = request.method();
    match segments.as_slice() {
        ["api", "todos"] => match method {
            "GET" | "HEAD" => collection::list(request).await,
            "POST" => collection::create(request, body).await,
            _ => Err(Problem::method_not_allowed("GET, HEAD, POST")),
        },
        ["api", "todos", "batch"] => match method {
            "POST" => collection::batch(request, body).await,
            _ => Err(Problem::method_not_allowed("POST")),
        },
        ["api", "todos", id] => match method {
            "GET" | "HEAD" => task::get(request, id).await,
            "PUT" | "PATCH" => task::change(request, id, body).await,
            "DELETE" => task::delete(request, id).await,
            _ => Err(Problem::method_not_allowed("GET, HEAD, PUT, PATCH, DELETE")),
        },
        ["api", "todos", id, "complete"] => match method {
            "PATCH" => task::complete(request, id, body).await,
            _ => Err(Problem::method_not_allowed("PATCH")),
        },
        ["api", "todos", id, "snooze"] => match method {
            "POST" => task::snooze(request, id, body).await,
            _ => Err(Problem::method_not_allowed("POST")),
        },
        ["api", "todos", id, "restore"] => match method {
            "POST" => task::restore(request, id).await,
            _ => Err(Problem::method_not_allowed("POST")),
        },
        ["api", "todos", id, "history"] => match method {
            "GET" | "HEAD" => task::history(request, id).await,
            _ => Err(Problem::method_not_allowed("GET, HEAD")),
        },
        _ => Err(Problem::not_found("Nothing answers to this path.")),
    }
}
