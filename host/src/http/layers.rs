//! What is around the routes of a listener, as tower layers.

use super::context::{REQUEST_ID, RequestId};
use super::listener::Peer;
use super::patterns::{self, Patterns};
use super::problem::Problem;
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use metrics::{counter, histogram};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;

/// Gives the request its id and the answer too; writes the document of a problem; turns a panic into one.
pub async fn identify(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let uri = request.uri().clone();
    request.extensions_mut().insert(id.clone());
    let done = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = done.unwrap_or_else(|_| {
        tracing::error!(request_id = id.0, "the host panicked");
        Problem::internal().into_response()
    });
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let instance = if uri.path().starts_with('/') { uri.path() } else { "/" };
        response = problem.document(instance, &id.0);
    }
    response.headers_mut().insert(REQUEST_ID, id.as_header());
    response
}

/// Counts the request and how long its answer took; around [`identify`].
pub async fn measure(
    State(patterns): State<Arc<Patterns>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let (method, uri) = (patterns::method(request.method()), request.uri().clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let (status, route) = (response.status(), patterns.find(uri.path()));
    counter!("tidings_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.as_str().to_owned())
        .increment(1);
    histogram!("tidings_http_request_duration_seconds", "method" => method, "route" => route.clone())
        .record(begun.elapsed().as_secs_f64());
    let request_id = response.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    // The pattern of the path, never path or query themselves: a client may have put anything there, a token too.
    tracing::debug!(request_id, method, route = &*route, status = status.as_u16(), peer = %peer.address, "answered");
    response
}
