//! The operations listener: whether the host lives, whether it can serve, and its numbers.

use super::layers;
use super::problem::Problem;
use crate::store::Store;
use crate::telemetry::Metrics;
use axum::Router;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

/// What the operations listener answers with.
pub fn routes(store: Arc<dyn Store>, metrics: Metrics) -> Router {
    let ready = move || async move { store.check().await.map(|()| json(r#"{"status":"ready"}"#)).map_err(Problem::from) };
    let numbers = move || async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()) };
    Router::new()
        .route("/healthz", get(async || json(r#"{"status":"ok"}"#)))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed("GET, HEAD"))
        .layer(from_fn(layers::identify))
}

fn json(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}
