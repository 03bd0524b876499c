//! `/mcp`: the Model Context Protocol over HTTP, a shell around `mcp-server`; and what it remembers of `task-events`.
//!
//! Whoever asks shows a bearer token; a cookie counts for nothing here. What must not live here: the protocol, rules.

use ::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use domain::consumer::{Disposition, Incoming};
use domain::ports::Failure;
use futures::future::join;
use guest::http::{self, Answer, Incoming as Body, Request, serve};
use guest::{Clock, Memory, Problem, Session, identity};
use mcp_server::{Headers, Reply, Server, end_conversation};
use serde_json::json;
use spin_sdk::http::StatusCode;
use spin_sdk::http_service;

guest::event_consumer!(on_event);

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// Set by a host that can make streams; and on an answer that says what to follow.
const STREAMS: HeaderName = HeaderName::from_static("tidings-streams");
const FOLLOW: HeaderName = HeaderName::from_static("tidings-follow");

/// Where the resource's own document is (RFC 9728).
const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
const SCOPES: &str = "tasks:read tasks:write";

async fn on_event(session: Session, event: Incoming) -> Disposition {
    mcp_server::on_event(&session, &Memory, &event).await
}

#[http_service]
async fn handle(request: spin_sdk::http::Request) -> Answer {
    serve(request, route).await
}

async fn route(request: &Request, body: Body) -> Result<Answer, Problem> {
    match (request.path(), request.method()) {
        ("/mcp", "POST") => post(request, body).await,
        ("/mcp", "DELETE") => delete(request).await,
        ("/mcp", "GET") if streams(request) && request.header(&SESSION).is_some() => get(request).await,
        // Without a conversation there is nothing to follow.
        ("/mcp", _) => Err(Problem::method_not_allowed("POST, DELETE")),
        (METADATA, "GET" | "HEAD") => Ok(metadata(request)),
        (METADATA, _) => Err(Problem::method_not_allowed("GET, HEAD")),
        _ => Err(Problem::not_found("Nothing answers to this path.")),
    }
}

/// `POST /mcp`: one message.
async fn post(request: &Request, body: Body) -> Result<Answer, Problem> {
    // Two waits for the host cost much more than one.
    let (session, body) = join(session(request), body.read()).await;
    let (session, body) = (session?, body?);
    let whoami = async || user(&session).await;
    let server = Server { session: &session, clock: &Clock::default(), memory: &Memory, whoami, streams: streams(request) };
    let headers = Headers { version: request.header(&VERSION), method: request.header(&METHOD), name: request.header(&NAME) };
    let reply = server.answer(&body, headers, request.header(&SESSION)).await;
    Ok(answer(request, reply))
}

/// `GET /mcp`: what changes of what the conversation follows.
async fn get(request: &Request) -> Result<Answer, Problem> {
    let session = session(request).await?;
    let whoami = async || user(&session).await;
    let server = Server { session: &session, clock: &Clock::default(), memory: &Memory, whoami, streams: true };
    let reply = server.following(request.header(&SESSION).unwrap_or_default()).await;
    Ok(answer(request, reply))
}

/// `DELETE /mcp`: the client needs its conversation no more.
async fn delete(request: &Request) -> Result<Answer, Problem> {
    let session = session(request).await?;
    let id = request.header(&SESSION).unwrap_or_default();
    match end_conversation(&session, &Memory, id, &user(&session).await?).await {
        true => Ok(http::empty(StatusCode::NO_CONTENT)),
        false => Err(Problem::not_found("You have no session by this id.")),
    }
}

/// `GET /.well-known/oauth-protected-resource/mcp`
fn metadata(request: &Request) -> Answer {
    let scopes: Vec<&str> = SCOPES.split(' ').collect();
    let document = json!({
        "resource": format!("{}/mcp", request.origin()), "resource_name": "Tidings", "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
    });
    http::json(StatusCode::OK, &document)
}

/// The session of whoever shows a token.
async fn session(request: &Request) -> Result<Session, Problem> {
    request.session_of_bearer().await.map_err(|problem| problem.challenging(&challenge(request, None)))
}

async fn user(session: &Session) -> Result<String, Failure> {
    identity::me(session).await.map(|user| user.id).map_err(|error| match error {
        identity::AccountError::Ended => Failure::Ended,
        identity::AccountError::Unavailable(reason) => Failure::Unavailable(reason),
        other => Failure::Invalid(format!("{other:?}")),
    })
}

/// How to get what is missing (RFC 6750, RFC 9728).
fn challenge(request: &Request, lacks: Option<&str>) -> String {
    let (error, scope) = match lacks {
        Some(scope) => ("error=\"insufficient_scope\", ", scope),
        None => ("", SCOPES),
    };
    format!("Bearer {error}scope=\"{scope}\", resource_metadata=\"{}{METADATA}\"", request.origin())
}

/// Whether the host makes a stream of an answer that says what to follow.
fn streams(request: &Request) -> bool {
    request.header(&STREAMS).is_some()
}

fn answer(request: &Request, reply: Reply) -> Answer {
    if let Some(follow) = reply.follow {
        let mut answer = http::json(StatusCode::OK, &follow);
        answer.headers_mut().insert(FOLLOW, HeaderValue::from_static("1"));
        return answer;
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = match reply.body {
        Some(body) => http::text(status, HeaderValue::from_static("application/json"), body),
        None => http::empty(status),
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(id) = reply.conversation.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(SESSION, id);
    }
    if status == StatusCode::UNAUTHORIZED || reply.scope.is_some() {
        let challenge = challenge(request, reply.scope.as_deref());
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
    }
    answer
}
