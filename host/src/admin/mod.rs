//! How the commands of the same machine talk to a running host: HTTP and JSON over a socket in the data folder, which only
//! its owner can open. What must not live here: anything that a user of the API may do.

pub mod client;
mod events;

pub use crate::events::{Replay, Wanted};

use crate::clock::{Clock, TestClock};
use crate::engine::{ComponentStatus, Engine, LARGEST, Refusal as Refused, RequestContext};
use crate::events::Bus;
use crate::host::Foundation;
use crate::identity::Identity;
use crate::swap::{By, Swapped, Swaps};
use crate::task::Tasks;
use anyhow::Context;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path as InPath, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::time::Timestamp;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use uuid::Uuid;

/// How often it is looked whether the bus is there, before an operator is told that it is not; and the time between.
const LOOKS: usize = 50;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// Bytes of a message with its headers, as JSON within JSON.
const LONGEST_MESSAGE: usize = 8 << 20;

/// Where the socket is.
pub fn socket(data: &Path) -> PathBuf {
    data.join("tidings.sock")
}

/// One component, as `tidings components` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    pub name: String,
    pub version: String,
    /// `sha256:` and hexadecimal.
    pub digest: String,
    /// RFC 3339.
    pub since: String,
    pub requests: u64,
    pub faults: u64,
    /// The digest of the version that a rollback goes back to, where the component was swapped.
    #[serde(default)]
    pub previous: Option<String>,
}

impl Component {
    fn new(status: ComponentStatus, previous: Option<String>) -> Self {
        let ComponentStatus { name, version, digest, since, requests, faults } = status;
        Self { name, version, digest, since: since.to_string(), requests, faults, previous }
    }
}

/// Asks for a bearer token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenWanted {
    pub email: String,
    pub lifetime_seconds: u64,
}

/// Moves the clock of a host that was started with one that can be moved. Answers what it shows then.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    To(Timestamp),
    /// Milliseconds.
    By(i64),
}

/// A message of the Model Context Protocol, with the headers that it would have over HTTP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct McpMessage {
    pub headers: serde_json::Map<String, serde_json::Value>,
    pub body: String,
}

/// What is answered to one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct McpAnswer {
    pub status: u16,
    /// `Mcp-Session-Id`
    pub conversation: Option<String>,
    pub body: String,
}

/// What the socket answers with. An error's body is a sentence for people.
pub struct Admin {
    engine: Arc<Engine>,
    swaps: Arc<Swaps>,
    identity: Arc<Identity>,
    bus: Arc<dyn Bus>,
    test_clock: Option<Arc<TestClock>>,
}

/// A refusal, for people.
type Refusal = (StatusCode, String);

impl Admin {
    pub fn new(engine: Arc<Engine>, swaps: Arc<Swaps>, bus: Arc<dyn Bus>, foundation: &Foundation) -> Arc<Self> {
        let Foundation { identity, test_clock, .. } = foundation;
        Arc::new(Self { engine, swaps, identity: identity.clone(), bus, test_clock: test_clock.clone() })
    }

    fn routes(self: Arc<Self>) -> Router {
        let unknown = async || (StatusCode::NOT_FOUND, "the running host does not know this command: it is of another version");
        Router::new()
            .route("/components", get(components))
            .route("/components/log", get(swaps))
            .route("/components/{name}/swap", post(swap).layer(DefaultBodyLimit::max(LARGEST as usize)))
            .route("/components/{name}/rollback", post(roll_back))
            .route("/events", post(show))
            .route("/events/replay", post(send_again))
            .route("/clock", post(move_clock))
            .route("/token", post(issue))
            .route("/mcp", post(mcp).layer(DefaultBodyLimit::max(LONGEST_MESSAGE)))
            .fallback(unknown)
            .method_not_allowed_fallback(unknown)
            .layer(DefaultBodyLimit::max(4_096))
            .with_state(self)
    }
}

async fn components(State(admin): State<Arc<Admin>>) -> Json<Vec<Component>> {
    let mut previous = admin.swaps.previous();
    let component = |status: ComponentStatus| {
        let previous = previous.remove(&status.name);
        Component::new(status, previous)
    };
    Json(admin.engine.components().into_iter().map(component).collect())
}

async fn swaps(State(admin): State<Arc<Admin>>) -> Result<String, Refusal> {
    admin.swaps.log().map_err(|error| (StatusCode::CONFLICT, format!("{error:#}")))
}

async fn swap(State(admin): State<Arc<Admin>>, InPath(name): InPath<String>, wasm: Bytes) -> Result<Json<Swapped>, Refusal> {
    let refused =
        |Refused(why): Refused| (StatusCode::CONFLICT, format!("{name} was not replaced, and goes on as it was: {why}"));
    admin.swaps.swap(&name, wasm, By::Command).await.map(Json).map_err(refused)
}

async fn roll_back(State(admin): State<Arc<Admin>>, InPath(name): InPath<String>) -> Result<Json<Swapped>, Refusal> {
    let refused = |Refused(why): Refused| (StatusCode::CONFLICT, format!("{name} cannot go back: {why}"));
    admin.swaps.roll_back(&name).await.map(Json).map_err(refused)
}

async fn issue(State(admin): State<Arc<Admin>>, Json(wanted): Json<TokenWanted>) -> Result<String, Refusal> {
    token(&admin.identity, &wanted).await.map_err(|error| (StatusCode::CONFLICT, format!("{error:#}")))
}

/// As if it had come over HTTP.
async fn mcp(State(admin): State<Arc<Admin>>, Json(message): Json<McpMessage>) -> Result<Json<McpAnswer>, Refusal> {
    let refused = |why: String| (StatusCode::CONFLICT, why);
    let (name, _) = admin.engine.route("/mcp").ok_or_else(|| refused("the host serves no /mcp".to_owned()))?;
    let mut request = http::Request::post("/mcp").header("host", "localhost").header("content-type", "application/json");
    for (header, value) in &message.headers {
        request = request.header(header, value.as_str().unwrap_or_default());
    }
    let request = request.body(Full::new(Bytes::from(message.body))).map_err(|error| refused(error.to_string()))?;
    let context = RequestContext { request_id: Uuid::now_v7().to_string(), peer: Ipv4Addr::LOCALHOST.into(), traceparent: None };
    let answer = admin.engine.handle(name, request, context).await.map_err(|fault| refused(fault.to_string()))?;
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(|error| refused(error.to_string()))?.to_bytes();
    let conversation = parts.headers.get("mcp-session-id").and_then(|id| Some(id.to_str().ok()?.to_owned()));
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Json(McpAnswer { status: parts.status.as_u16(), conversation, body }))
}

async fn show(State(admin): State<Arc<Admin>>, Json(wanted): Json<Wanted>) -> Result<Body, Refusal> {
    match still_away(admin.bus.as_ref()).await {
        Some(reason) => Err((StatusCode::CONFLICT, format!("the log cannot be read: {reason}"))),
        None => Ok(events::body(admin.bus.list(wanted))),
    }
}

/// Why the log cannot be read, if that lasts: a host that has only just begun may not have come to its broker yet.
async fn still_away(bus: &dyn Bus) -> Option<String> {
    for _ in 0..LOOKS {
        bus.away()?;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    bus.away()
}

async fn send_again(State(admin): State<Arc<Admin>>, Json(wanted): Json<Replay>) -> Result<Json<u64>, Refusal> {
    let sent = admin.bus.replay(&wanted).await;
    sent.map(Json).map_err(|error| (StatusCode::CONFLICT, format!("the log cannot be written: {error}")))
}

async fn move_clock(State(admin): State<Arc<Admin>>, Json(moved): Json<Moved>) -> Result<String, Refusal> {
    let why = "the clock of this host cannot be moved: start it with TIDINGS_TEST_CLOCK=system";
    let clock = admin.test_clock.as_ref().ok_or_else(|| (StatusCode::CONFLICT, why.to_owned()))?;
    match moved {
        Moved::To(at) => clock.set(at),
        Moved::By(millis) => clock.move_by(millis),
    }
    Ok(clock.now().to_string())
}

/// A bearer token for whoever holds the data folder.
pub async fn token(identity: &Identity, wanted: &TokenWanted) -> anyhow::Result<String> {
    let issued = identity.issue(&wanted.email, Duration::from_secs(wanted.lifetime_seconds)).await?;
    let issued = issued.with_context(|| format!("nobody has signed up as {}", wanted.email))?;
    Ok(issued.access_token.expose().to_owned())
}

/// Takes the socket and serves until the tasks are told to stop. To be called by the one process that has the data folder.
pub fn serve(data: &Path, admin: Arc<Admin>, tasks: &Tasks) -> anyhow::Result<()> {
    let path = socket(data);
    // Left behind by a process that was killed: the data folder's lock says that it is gone.
    if path.exists() {
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
    }
    let listener = UnixListener::bind(&path)
        .with_context(|| format!("the socket {} cannot be made (a path has at most 107 bytes: see --data)", path.display()))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).with_context(|| format!("{}", path.display()))?;
    let stop = tasks.stopping();
    // Its connections are tasks of axum's, for which it waits.
    let serving = axum::serve(listener, admin.routes()).with_graceful_shutdown(stop.cancelled_owned());
    tasks.spawn("admin", async move {
        serving.await.ok();
        fs::remove_file(path).ok();
    });
    Ok(())
}
