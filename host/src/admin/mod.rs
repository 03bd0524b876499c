//! How the commands of the same machine talk to a running host: HTTP and JSON over a socket in the data folder, which only
//! its owner can open. What must not live here: anything that a user of the API may do.

pub mod client;
mod events;

use crate::engine::{ComponentStatus, Engine};
use crate::host::Foundation;
use crate::http::body::{Body, full};
use crate::identity::Identity;
use crate::store::EventLog;
use crate::task::Tasks;
use anyhow::Context;
use events::Wanted;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

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
}

impl From<ComponentStatus> for Component {
    fn from(status: ComponentStatus) -> Self {
        let ComponentStatus { name, version, digest, since, requests, faults } = status;
        Self { name, version, digest, since: since.to_string(), requests, faults }
    }
}

/// Asks for a bearer token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenWanted {
    pub email: String,
    pub lifetime_seconds: u64,
}

/// What the socket answers with. An error's body is a sentence for people.
pub struct Admin {
    engine: Arc<Engine>,
    identity: Arc<Identity>,
    log: Arc<dyn EventLog>,
}

type Refused = (StatusCode, String);

impl Admin {
    pub fn new(engine: Arc<Engine>, foundation: &Foundation) -> Arc<Self> {
        Arc::new(Self { engine, identity: foundation.identity.clone(), log: foundation.store.clone() })
    }

    async fn answer(&self, request: Request<Incoming>, stop: CancellationToken) -> Result<Body, Refused> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/components") => {
                let components: Vec<Component> = self.engine.components().into_iter().map(Component::from).collect();
                json(&components)
            }
            (&Method::GET, "/events") => {
                let wanted = Wanted::from_query(request.uri().query().unwrap_or_default());
                Ok(events::body(self.log.clone(), wanted, stop))
            }
            (&Method::POST, "/token") => {
                let body = Limited::new(request.into_body(), 4_096).collect().await;
                let body = body.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?.to_bytes();
                let wanted: TokenWanted =
                    serde_json::from_slice(&body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
                let token = token(&self.identity, &wanted).await.map_err(|error| (StatusCode::CONFLICT, format!("{error:#}")))?;
                Ok(full(token))
            }
            _ => Err((StatusCode::NOT_FOUND, "the running host does not know this command: it is of another version".to_owned())),
        }
    }
}

/// A bearer token for whoever holds the data folder.
pub async fn token(identity: &Identity, wanted: &TokenWanted) -> anyhow::Result<String> {
    let issued = identity.issue(&wanted.email, Duration::from_secs(wanted.lifetime_seconds)).await?;
    let issued = issued.with_context(|| format!("nobody has signed up as {}", wanted.email))?;
    Ok(issued.access_token.expose().to_owned())
}

fn json<T: Serialize>(value: &T) -> Result<Body, Refused> {
    serde_json::to_vec(value).map(full).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
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
    tasks.spawn("admin", accept(listener, path, admin, tasks.clone()));
    Ok(())
}

async fn accept(listener: UnixListener, path: PathBuf, admin: Arc<Admin>, tasks: Tasks) {
    let stop = tasks.stopping();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((socket, _)) => tasks.spawn_one_of_many(converse(socket, admin.clone(), stop.clone())),
            Err(error) => {
                tracing::warn!(%error, "a command could not be heard");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    fs::remove_file(path).ok();
}

async fn converse(socket: UnixStream, admin: Arc<Admin>, stop: CancellationToken) {
    let ending = stop.clone();
    let service = service_fn(move |request| {
        let (admin, stop) = (admin.clone(), stop.clone());
        async move {
            let (status, body) = match admin.answer(request, stop).await {
                Ok(body) => (StatusCode::OK, body),
                Err((status, why)) => (status, full(why)),
            };
            let mut response = Response::new(body);
            *response.status_mut() = status;
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = ending.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}
