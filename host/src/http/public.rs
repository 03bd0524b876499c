//! The public listener: each request gets its id, its place in a trace and its number in the metrics, then goes to the stream,
//! to one of the host's few pages, or to the component whose route it is.

use super::body::{Body, Limited, discard, full};
use super::context::{REQUEST_ID, as_header, request_id, traceparent};
use super::listener::{Handler, Outcome, Peer};
use super::patterns::{self, Patterns};
use super::problem::Problem;
use crate::clock::Clock;
use crate::engine::{Engine, RequestContext};
use crate::identity::{Credentials, Identity, Scope};
use crate::sse::{Hub, LastEventId, Reader};
use crate::store::EventLog;
use crate::task::Tasks;
use futures::FutureExt;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, ORIGIN,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use metrics::{counter, histogram};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;

/// The API, described.
pub const OPENAPI: &str = include_str!("../../../docs/openapi.json");
/// The longest body that is taken.
const MAX_BODY: u64 = 1 << 20;
const STREAM: &str = "/api/stream/tasks";
const WELCOME: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tidings</title>\
<h1>Tidings runs here</h1><p>Its API is under <code>/api</code>; <a href=\"/openapi.json\">/openapi.json</a> describes it.</p></html>\n";

/// What the public listener answers with.
pub struct Public {
    pub engine: Arc<Engine>,
    pub identity: Arc<Identity>,
    pub hub: Arc<Hub>,
    pub log: Arc<dyn EventLog>,
    pub clock: Arc<dyn Clock>,
    /// For what goes on after an answer.
    pub tasks: Tasks,
    patterns: Patterns,
}

/// What is known of a request before anybody looks at what it asks.
struct Asked<'a> {
    request_id: &'a str,
    peer: &'a Peer,
}

impl Public {
    pub fn new(
        engine: Arc<Engine>,
        identity: Arc<Identity>,
        hub: Arc<Hub>,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> anyhow::Result<Self> {
        Ok(Self { engine, identity, hub, log, clock, tasks, patterns: Patterns::of(OPENAPI)? })
    }

    async fn dispatch(&self, request: Request<Incoming>, asked: &Asked<'_>) -> Result<Outcome, Problem> {
        match request.uri().path() {
            STREAM => self.stream(request.method(), request.uri().query(), request.headers(), asked.peer).await,
            "/openapi.json" => page(&request, "application/json", OPENAPI),
            "/" => page(&request, "text/html; charset=utf-8", WELCOME),
            _ => self.component(request, asked).await.map(Outcome::Answer),
        }
    }

    async fn component(&self, request: Request<Incoming>, asked: &Asked<'_>) -> Result<Response<Body>, Problem> {
        let name = self.engine.route(request.uri().path()).ok_or_else(Problem::not_found)?.to_owned();
        let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > MAX_BODY) {
            // A client that waits for leave to send its body gets none.
            if !request.headers().contains_key(EXPECT) {
                self.tasks.spawn_one_of_many(discard(request.into_body()));
            }
            return Err(Problem::too_large(MAX_BODY));
        }
        let traceparent = traceparent(request.headers());
        let context = RequestContext {
            request_id: asked.request_id.to_owned(),
            peer: asked.peer.address.ip(),
            traceparent: Some(traceparent),
        };
        let (mut parts, body) = request.into_parts();
        // HTTP/2 says it elsewhere (RFC 9113, section 8.3.1); a component finds it where HTTP/1.1 has it.
        let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        if let (Some(host), http::header::Entry::Vacant(vacant)) = (authority, parts.headers.entry(HOST)) {
            vacant.insert(host);
        }
        let (body, overrun) = Limited::new(body, MAX_BODY);
        let answer = self.engine.handle(&name, Request::from_parts(parts, body), context).await;
        if overrun.happened() {
            if let Some(rest) = overrun.take_rest() {
                self.tasks.spawn_one_of_many(discard(rest));
            }
            return Err(Problem::too_large(MAX_BODY));
        }
        answer.map(|response| response.map(BodyExt::boxed_unsync)).map_err(Problem::from)
    }

    async fn stream(&self, method: &Method, query: Option<&str>, headers: &HeaderMap, peer: &Peer) -> Result<Outcome, Problem> {
        if method != Method::GET {
            return Err(Problem::method_not_allowed("GET"));
        }
        let principal = self.identity.authenticate(&credentials(method, headers)).await?;
        if !principal.scopes.allow(Scope::TasksRead) {
            return Err(Problem::forbidden(Scope::TasksRead.name()));
        }
        no_query(query)?;
        let seen = LastEventId::parse(headers.get_all("last-event-id").iter().map(HeaderValue::as_bytes));
        let (log, clock) = (self.log.clone(), self.clock.clone());
        let reader = Reader::open(&self.hub, log, clock, principal.clone(), Some(peer.torn_down.clone()), seen).await?;
        // Revoked after it was looked at and before the hub knew of it: now either sees it.
        if !self.identity.still_valid(&principal).await? {
            return Err(Problem::from(crate::identity::Denied::Invalid));
        }
        let mut response = Response::new(reader);
        let out = response.headers_mut();
        out.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        out.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        out.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        Ok(Outcome::Stream(response))
    }
}

impl Handler for Public {
    async fn handle(&self, request: Request<Incoming>, peer: &Peer) -> Outcome {
        let begun = Instant::now();
        let request_id = request_id(request.headers());
        let path = request.uri().path().to_owned();
        let method = patterns::method(request.method());
        let route = self.patterns.find(&path).to_owned();
        let asked = Asked { request_id: &request_id, peer };
        let done = AssertUnwindSafe(self.dispatch(request, &asked)).catch_unwind().await;
        let outcome = done.unwrap_or_else(|_| {
            tracing::error!(request_id, route, "the host panicked");
            Err(Problem::internal())
        });
        let mut outcome = outcome.unwrap_or_else(|problem| {
            let instance = if path.starts_with('/') { path.as_str() } else { "/" };
            Outcome::Answer(problem.into_response(instance, &request_id))
        });
        let (status, headers) = match &mut outcome {
            Outcome::Answer(answer) => (answer.status(), answer.headers_mut()),
            Outcome::Stream(stream) => (stream.status(), stream.headers_mut()),
        };
        headers.insert(REQUEST_ID, as_header(&request_id));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        counter!("tidings_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.as_str().to_owned())
            .increment(1);
        histogram!("tidings_http_request_duration_seconds", "method" => method, "route" => route.clone())
            .record(begun.elapsed().as_secs_f64());
        // The pattern of the path, never path or query themselves: a client may have put anything there, a token too.
        tracing::debug!(request_id, method, route, status = status.as_u16(), peer = %peer.address, "answered");
        outcome
    }
}

/// What the request says of its sender.
fn credentials(method: &Method, headers: &HeaderMap) -> Credentials {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let all = |name: HeaderName| headers.get_all(name).iter().map(text).collect();
    let one = |name: HeaderName| headers.get(name).map(text);
    Credentials {
        method: method.as_str().to_owned(),
        authorization: all(AUTHORIZATION),
        cookie: all(COOKIE),
        origin: one(ORIGIN),
        sec_fetch_site: one(HeaderName::from_static("sec-fetch-site")),
        host: one(HOST),
    }
}

/// Something that never changes.
fn page<B>(request: &Request<B>, content_type: &'static str, text: &'static str) -> Result<Outcome, Problem> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Problem::method_not_allowed("GET, HEAD"));
    }
    no_query(request.uri().query())?;
    let mut response = Response::new(full(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(Outcome::Answer(response))
}

/// These paths take no query; each parameter is refused by name.
fn no_query(query: Option<&str>) -> Result<(), Problem> {
    let parameters = query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty());
    let names: Vec<String> = parameters.map(|parameter| parameter.split('=').next().unwrap_or_default().to_owned()).collect();
    if names.is_empty() { Ok(()) } else { Err(Problem::unknown_parameters(names)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_where_there_is_none_is_refused_without_its_values() {
        assert!(no_query(None).is_ok() && no_query(Some("")).is_ok());
        let problem = format!("{:?}", no_query(Some("access_token=hunter2&x")).unwrap_err());
        assert!(problem.contains("access_token") && !problem.contains("hunter2"), "{problem}");
    }

    #[test]
    fn each_authorization_header_counts() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(credentials(&Method::GET, &headers).authorization.len(), 2);
    }
}
