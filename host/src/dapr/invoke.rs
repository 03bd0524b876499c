//! Requests for another role, handed on to the app that has it. What that app answers is the answer, an error too.

use super::sidecar::{Sidecar, Trouble, refused};
use axum::body::{Body, to_bytes};
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Request, Response};
use http_body::Body as _;
use std::sync::Arc;

/// What is between two neighbours only (RFC 9110, section 7.6.1), or made anew for the next one.
const HOP: [HeaderName; 10] = [
    CONNECTION,
    EXPECT,
    HOST,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
];
/// What begins with it is between sidecars and their apps: a client must not choose where its request goes.
const DAPRS: &str = "dapr-";
/// A sidecar takes the target of a call from this scheme, too. None of ours has it: this is as invalid as anything that could stand behind it.
const NO_ONE: HeaderValue = HeaderValue::from_static("Basic");
/// Every error of ours has this type: what has another comes from a sidecar that could not reach the app.
const PROBLEM: &str = "application/problem+json";
/// Bytes of a sidecar's own answer that are read.
const SAID: usize = 64 * 1024;

/// Has an app answer a request. Bodies are passed on as they come, in both directions; the request's within the limit that it brings.
pub async fn hand_on(sidecar: &Arc<Sidecar>, app: &'static str, request: Request<Body>) -> Result<Response<Body>, Trouble> {
    let (mut parts, body) = request.into_parts();
    parts.headers = end_to_end(&parts.headers);
    parts
        .headers
        .iter_mut()
        .filter(|(name, value)| **name == AUTHORIZATION && is_basic(value))
        .for_each(|(_, value)| *value = NO_ONE);
    let body = if body.is_end_stream() { reqwest::Body::default() } else { reqwest::Body::wrap_stream(body.into_data_stream()) };
    let answer = sidecar.invoke(app, Request::from_parts(parts, body)).await?;
    let (mut parts, body) = Response::<reqwest::Body>::from(answer).into_parts();
    let body = Body::new(body);
    let is_ours = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(PROBLEM.as_bytes()));
    if (parts.status.is_client_error() || parts.status.is_server_error()) && !is_ours {
        let said = to_bytes(body, SAID).await.unwrap_or_default();
        return Err(refused(parts.status, &said, app));
    }
    parts.headers = end_to_end(&parts.headers);
    Ok(Response::from_parts(parts, body))
}

/// Asks for an event stream, whatever the client says: a sidecar passes nothing else on before its end.
pub fn as_stream(headers: &mut HeaderMap) {
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
}

/// Without what is for the next neighbour only.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let named: Vec<String> = named.map(|name| name.trim().to_ascii_lowercase()).collect();
    let goes_on = |name: &HeaderName| {
        !HOP.contains(name) && !name.as_str().starts_with(DAPRS) && !named.iter().any(|hop| hop == name.as_str())
    };
    headers.iter().filter(|(name, _)| goes_on(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn is_basic(authorization: &HeaderValue) -> bool {
    authorization.as_bytes().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic "))
}
