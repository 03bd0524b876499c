//! What holds for the answers of any listener.

use super::context::REQUEST_ID;
use super::layers::{identify, measure};
use super::listener::Peer;
use super::patterns::Patterns;
use super::problem::Problem;
use super::public::OPENAPI;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use http::Method;
use http_body_util::BodyExt;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower::Service;

fn routes() -> Router {
    Router::new()
        .route("/large", get(async || Problem::too_large(1)))
        .route("/panic", get(async || -> () { panic!("on purpose") }))
        .route("/well", get(async || "well"))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed("GET, HEAD"))
        .layer(from_fn(identify))
        .layer(from_fn_with_state(Arc::new(Patterns::of(OPENAPI).unwrap()), measure))
}

async fn ask(method: Method, uri: &str) -> (Response<()>, Vec<u8>) {
    let peer = Peer { address: SocketAddr::from(([127, 0, 0, 1], 1)), torn_down: CancellationToken::new() };
    let request = Request::builder().method(method).uri(uri).header(REQUEST_ID, "r-1").extension(peer);
    let response = routes().call(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()[REQUEST_ID], "r-1", "{uri}");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{uri}");
    let (parts, body) = response.into_parts();
    (Response::from_parts(parts, ()), body.collect().await.unwrap().to_bytes().to_vec())
}

#[tokio::test]
async fn every_problem_names_its_request() {
    for (method, uri, status, kind) in [
        (Method::GET, "/large", 413, "body-too-large"),
        (Method::GET, "/panic", 500, "internal"),
        (Method::GET, "/nowhere?token=x", 404, "not-found"),
        (Method::OPTIONS, "*", 404, "not-found"),
        (Method::POST, "/well", 405, "method-not-allowed"),
    ] {
        let (head, body) = ask(method, uri).await;
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((head.status().as_u16(), &document["status"]), (status, &status.into()), "{uri}");
        assert_eq!(head.headers()["content-type"], "application/problem+json", "{uri}");
        assert_eq!(head.headers()["content-length"], body.len().to_string(), "{uri}");
        assert_eq!(document["type"], format!("urn:tidings:problem:{kind}"), "{uri}");
        assert_eq!(document["request_id"], "r-1", "{uri}");
        assert_eq!(document["instance"], uri.split('?').next().unwrap().replace('*', "/"), "{uri}");
        assert_eq!(head.headers().get("allow").is_some(), status == 405, "{uri}");
    }
}

#[tokio::test]
async fn what_is_asked_for_by_head_has_the_length_of_what_is_not_sent() {
    let (head, body) = ask(Method::HEAD, "/well").await;
    assert_eq!((head.status().as_u16(), body.len()), (200, 0));
    assert_eq!(head.headers()["content-length"], "4");
}
