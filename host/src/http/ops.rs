//! The operations listener: whether the host lives, whether it can serve, and its numbers.

use super::body::{Body, full};
use super::context::{REQUEST_ID, as_header, request_id};
use super::listener::{Handler, Outcome, Peer};
use super::problem::Problem;
use crate::store::Store;
use crate::telemetry::Metrics;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;

/// What the operations listener answers with.
pub struct Ops {
    pub store: Arc<dyn Store>,
    pub metrics: Metrics,
}

impl Ops {
    async fn answer(&self, method: &Method, path: &str) -> Result<Response<Body>, Problem> {
        if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
            return Err(Problem::not_found());
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Problem::method_not_allowed("GET, HEAD"));
        }
        match path {
            "/healthz" => Ok(answer("application/json", r#"{"status":"ok"}"#)),
            "/readyz" => {
                self.store.check().await?;
                Ok(answer("application/json", r#"{"status":"ready"}"#))
            }
            _ => Ok(answer("text/plain; version=0.0.4; charset=utf-8", self.metrics.render())),
        }
    }
}

impl Handler for Ops {
    async fn handle(&self, request: Request<Incoming>, _: &Peer) -> Outcome {
        let request_id = request_id(request.headers());
        let path = request.uri().path();
        let answer = self.answer(request.method(), path).await;
        let mut answer = answer.unwrap_or_else(|problem| problem.into_response(path, &request_id));
        answer.headers_mut().insert(REQUEST_ID, as_header(&request_id));
        Outcome::Answer(answer)
    }
}

fn answer(content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
