//! The operations listener: whether the host lives, whether it can serve, and its numbers.
//!
//! Whether it can serve is the store's to say, as requests need nothing else. That events are not going anywhere is said beside it:
//! they wait in the outbox, and a host that is taken out of service for it would help nobody. Nor does it that other hosts run another
//! version of a component, which is so whenever one is being replaced: that is said, too.

use super::layers;
use super::problem::Problem;
use crate::events::Bus;
use crate::store::Store;
use crate::swap::Differing;
use crate::telemetry::Metrics;
use axum::middleware::from_fn;
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

/// What the operations listener answers with.
pub fn routes(store: Arc<dyn Store>, bus: Arc<dyn Bus>, differing: Differing, metrics: Metrics) -> Router {
    let ready =
        move || async move { store.check().await.map(|()| is_ready(bus.away(), differing.sentences())).map_err(Problem::from) };
    let numbers = move || async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render()) };
    Router::new()
        .route("/healthz", get(async || Json(json!({"status": "ok"}))))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed("GET, HEAD"))
        .layer(from_fn(layers::identify))
}

/// What is said of a host that can serve.
#[derive(Serialize)]
struct Ready {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    away: Option<[String; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differs: Vec<String>,
}

fn is_ready(away: Option<String>, differs: Vec<String>) -> Json<Ready> {
    Json(Ready { status: "ready", away: away.map(|reason| [reason]), differs })
}
