//! The public listener: each request gets its id, its place in a trace and its number in the metrics, then goes to the stream,
//! to the API's document, or to the component whose route it is.

use super::body::{Limited, discard};
use super::connection::Streaming;
use super::context::{RequestId, traceparent};
use super::elsewhere::Elsewhere;
use super::follow::{self, FOLLOW, STREAMS};
use super::layers;
use super::listener::Peer;
use super::origin::at_home;
use super::patterns::Patterns;
use super::problem::Problem;
use crate::clock::Clock;
use crate::engine::{Engine, RequestContext};
use crate::identity::{Credentials, Denied, Identity, Scope};
use crate::roles::Role;
use crate::sse::{Hub, LastEventId, Reader};
use crate::store::EventLog;
use crate::task::Tasks;
use anyhow::Context;
use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures::future::BoxFuture;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, Entry, HOST, HeaderName, HeaderValue, ORIGIN,
};
use http::{HeaderMap, Method, Uri};
use std::sync::Arc;

/// The API, described.
pub const OPENAPI: &str = include_str!("../../../docs/openapi.json");
/// Where the stream is.
const STREAM: &str = "/api/stream/tasks";
/// The longest body that is taken.
const MAX_BODY: u64 = 1 << 20;

/// What the public listener answers with, and, to another role, the application listener.
#[derive(Clone)]
pub struct Public {
    pub engine: Arc<Engine>,
    pub identity: Arc<Identity>,
    pub hub: Arc<Hub>,
    pub log: Arc<dyn EventLog>,
    pub clock: Arc<dyn Clock>,
    /// For what goes on after an answer.
    pub tasks: Tasks,
    /// The origin where clients reach us, if that is known; else it is what each request says.
    pub url: Option<Uri>,
    /// Where each role is.
    pub elsewhere: Elsewhere,
}

impl Public {
    pub fn routes(self) -> anyhow::Result<Router> {
        let patterns = Arc::new(Patterns::of(OPENAPI).context("the API document cannot be read")?);
        let no_writes = async || Problem::method_not_allowed("GET, HEAD");
        let only_get = async || Problem::method_not_allowed("GET");
        Ok(Router::new()
            .route("/openapi.json", get(document))
            .route(STREAM, get(stream).head(only_get).fallback(only_get))
            .fallback(component)
            .method_not_allowed_fallback(no_writes)
            .with_state(Arc::new(self))
            .layer(from_fn(layers::identify))
            .layer(from_fn_with_state(patterns, layers::measure)))
    }
}

async fn document(RawQuery(query): RawQuery) -> Result<impl IntoResponse, Problem> {
    no_query(query.as_deref()).map(|()| ([(CONTENT_TYPE, "application/json")], OPENAPI))
}

async fn component(
    State(public): State<Arc<Public>>,
    Extension(id): Extension<RequestId>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Result<Response, Problem> {
    let (_, role) = public.engine.route(request.uri().path()).ok_or_else(Problem::not_found)?;
    if role != Role::Mcp || public.elsewhere.handed_on {
        return ask(&public, &id, &peer, request).await;
    }
    // What another role hands on it has looked at itself, and so with what it streams.
    at_home(request.headers(), request.uri().authority(), public.url.as_ref())?;
    request.headers_mut().insert(STREAMS, HeaderValue::from_static("1"));
    let asked = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let answer = ask(&public, &id, &peer, request).await?;
    match answer.headers().contains_key(FOLLOW) {
        true => follow(public, id, peer, asked, answer).await,
        false => Ok(answer),
    }
}

/// The stream that a component says is to be its answer: made of the user's own, wherever that is.
async fn follow(
    public: Arc<Public>,
    id: RequestId,
    peer: Peer,
    (method, uri, headers): (Method, Uri, HeaderMap),
    answer: Response,
) -> Result<Response, Problem> {
    let followed = async |answer: Response| {
        let body = axum::body::to_bytes(answer.into_body(), follow::LONGEST).await.ok()?;
        follow::Follow::read(&body)
    };
    let first = followed(answer).await.ok_or_else(Problem::internal)?;
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static(STREAM);
    for name in [AUTHORIZATION, HOST] {
        headers.get_all(&name).iter().for_each(|value| _ = request.headers_mut().append(&name, value.clone()));
    }
    let changes = stream(State(public.clone()), Extension(peer.clone()), Extension(id.clone()), RawQuery(None), request).await?;
    if !changes.status().is_success() {
        return Ok(changes);
    }
    let again = move || {
        let (public, id, peer, headers) = (public.clone(), id.clone(), peer.clone(), headers.clone());
        let (method, uri) = (method.clone(), uri.clone());
        Box::pin(async move {
            let mut request = Request::new(Body::empty());
            (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
            let answer = ask(&public, &id, &peer, request).await.ok()?;
            if answer.headers().contains_key(FOLLOW) { followed(answer).await } else { None }
        }) as BoxFuture<'static, _>
    };
    Ok(follow::answer(first, changes.into_body(), Box::new(again)))
}

/// What the component answers whose route it is, here or elsewhere.
async fn ask(public: &Arc<Public>, id: &RequestId, peer: &Peer, request: Request) -> Result<Response, Problem> {
    let (name, role) = public.engine.route(request.uri().path()).ok_or_else(Problem::not_found)?;
    let here = public.elsewhere.is_here(role)?;
    if announced(request.headers()).is_some_and(|length| length > MAX_BODY) {
        // A client that waits for leave to send its body gets none.
        if !request.headers().contains_key(EXPECT) {
            public.tasks.spawn_one_of_many(discard(request.into_body()));
        }
        return Err(Problem::too_large(MAX_BODY));
    }
    let context =
        RequestContext { request_id: id.0.clone(), peer: peer.address.ip(), traceparent: Some(traceparent(request.headers())) };
    let (mut parts, body) = request.into_parts();
    // HTTP/2 says it elsewhere (RFC 9113, section 8.3.1); a component finds it where HTTP/1.1 has it.
    let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let (Some(host), Entry::Vacant(vacant)) = (authority, parts.headers.entry(HOST)) {
        vacant.insert(host);
    }
    if let Some(url) = &public.url {
        parts.uri = at(url, &parts.uri);
    }
    let (body, overrun) = Limited::new(body, MAX_BODY);
    let answer = if here {
        public
            .engine
            .handle(name, Request::from_parts(parts, body), context)
            .await
            .map(|answer| answer.map(Body::new))
            .map_err(Problem::from)
    } else {
        public.elsewhere.ask(role, id, Request::from_parts(parts, Body::new(body))).await
    };
    if overrun.happened() {
        if let Some(rest) = overrun.take_rest() {
            public.tasks.spawn_one_of_many(discard(rest));
        }
        return Err(Problem::too_large(MAX_BODY));
    }
    answer
}

async fn stream(
    State(public): State<Arc<Public>>,
    Extension(peer): Extension<Peer>,
    Extension(id): Extension<RequestId>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    if !public.elsewhere.is_here(Role::Sse)? {
        return public.elsewhere.ask(Role::Sse, &id, request).await;
    }
    let (method, headers) = (request.method(), request.headers());
    let principal = public.identity.authenticate(&credentials(method, headers)).await?;
    if !principal.scopes.allow(Scope::TasksRead) {
        return Err(Problem::forbidden(Scope::TasksRead.name()));
    }
    no_query(query.as_deref())?;
    let seen = LastEventId::parse(headers.get_all("last-event-id").iter().map(HeaderValue::as_bytes));
    let (log, clock) = (public.log.clone(), public.clock.clone());
    let reader = Reader::open(&public.hub, log, clock, principal.clone(), Some(peer.torn_down), seen).await?;
    // Revoked after it was looked at and before the hub knew of it: now either sees it.
    if !public.identity.still_valid(&principal).await? {
        return Err(Problem::from(Denied::Invalid));
    }
    let mut response = Streaming::answer(reader);
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    out.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    out.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

/// The length that the body is said to have.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What was asked for, where clients see it: TLS ends at a proxy before us.
fn at(url: &Uri, asked: &Uri) -> Uri {
    let mut parts = url.clone().into_parts();
    parts.path_and_query = asked.path_and_query().cloned();
    Uri::from_parts(parts).unwrap_or_else(|_| asked.clone())
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

    #[test]
    fn a_component_is_told_the_scheme_that_clients_use() {
        let url = Uri::from_static("https://tasks.example.org");
        for (asked, seen) in [
            ("/api/auth/login?x=1", "https://tasks.example.org/api/auth/login?x=1"),
            ("http://127.0.0.1:8080/api/todos", "https://tasks.example.org/api/todos"),
        ] {
            assert_eq!(at(&url, &Uri::from_static(asked)), seen);
        }
    }
}
