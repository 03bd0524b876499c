//! What the native host serves itself, as far as clients need it under the stock Spin CLI: the stream of a user's changes, and the API's
//! document.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

mod frame;
mod stream;

use guest::Problem;
use guest::http::{Answer, Incoming, Request, bytes, serve};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderValue};
use spin_sdk::http_service;

/// The API, described.
const OPENAPI: &str = include_str!("../../../../docs/openapi.json");

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    let headers = request.headers().clone();
    serve(request, async |request, body| route(request, body, &headers).await).await
}

async fn route(request: &Request, _: Incoming, headers: &HeaderMap) -> Result<Answer, Problem> {
    match (request.path(), request.method()) {
        ("/openapi.json", "GET" | "HEAD") => document(request),
        ("/openapi.json", _) => Err(Problem::method_not_allowed("GET, HEAD")),
        ("/api/stream/tasks", "GET") => stream::open(request, headers).await,
        ("/api/stream/tasks", _) => Err(Problem::method_not_allowed("GET")),
        _ => Err(Problem::not_found("Nothing answers to this path.")),
    }
}

fn document(request: &Request) -> Result<Answer, Problem> {
    domain::input::no_params(request.query())?;
    let mut answer = bytes(OPENAPI.as_bytes());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}
