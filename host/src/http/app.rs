//! The application listener: what a Dapr sidecar calls. It is for nobody else: it takes no user's token, and the public
//! listener has none of its paths. Through the sidecar come also requests that another role hands on; they are answered as the public
//! listener would, and reach nothing of what is the sidecar's own.

use super::arrivals;
use super::elsewhere;
use super::layers;
use super::problem::Problem;
use crate::dapr::TOKEN;
use crate::engine::TickError;
use crate::events::Inbox;
use crate::identity::Secret;
use crate::schedule::Asking;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::ports::Failure;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What a sidecar names in the calls that it passes on for another app.
const CALLER: &str = "dapr-caller-app-id";

/// What the application listener is for.
#[derive(Default)]
pub struct App {
    /// What the sidecar must show; none: everybody who reaches the listener is taken for it.
    pub token: Option<Secret>,
    /// What a cron binding asks.
    pub schedules: Vec<Asking>,
    /// Where events arrive; none: the sidecar brings none.
    pub inbox: Option<Arc<Inbox>>,
    /// What other roles hand on.
    pub handed_on: Router,
}

impl App {
    pub fn routes(self) -> Router {
        let health = async |State(inbox): State<Option<Arc<Inbox>>>| match inbox {
            Some(inbox) if !inbox.is_open() => {
                Err(Problem::unavailable("this host stood still, and hears events again in a moment"))
            }
            _ => Ok(well()),
        };
        let health = Router::new().route("/healthz", get(health)).with_state(self.inbox.clone());
        let own = Router::new()
            // A cron binding asks by OPTIONS whether it is wanted, and calls by POST: docs.dapr.io, "Cron binding spec".
            .route("/cron-overdue-check", post(check).options(async || well()))
            .with_state(Arc::<[Asking]>::from(self.schedules))
            .merge(arrivals::routes(self.inbox))
            .method_not_allowed_fallback(async || Problem::method_not_allowed("GET, OPTIONS, POST"))
            .layer(from_fn(not_for_neighbours));
        let handed_on = self.handed_on.layer(from_fn(elsewhere::as_asked));
        own.fallback(handed)
            .layer(Extension(handed_on))
            .layer(from_fn_with_state(self.token.map(Arc::new), guard))
            // The sidecar's health checks carry no token.
            .merge(health)
            .layer(from_fn(layers::identify))
    }
}

async fn check(State(schedules): State<Arc<[Asking]>>) -> Result<Response, Problem> {
    for asking in schedules.iter() {
        asking.check().await?;
    }
    Ok(well())
}

fn well() -> Response {
    ([(CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#).into_response()
}

/// What another role hands on; nothing else is here.
async fn handed(Extension(mut routes): Extension<Router>, request: Request) -> Response {
    if !request.headers().contains_key(CALLER) {
        return Problem::not_found().into_response();
    }
    let Ok(response) = tower::Service::call(&mut routes, request).await;
    response
}

async fn guard(State(token): State<Option<Arc<Secret>>>, request: Request, next: Next) -> Result<Response, Problem> {
    if token.is_none_or(|token| knows(request.headers(), &token)) {
        Ok(next.run(request).await)
    } else {
        Err(Problem::not_the_sidecar())
    }
}

/// A sidecar shows our token for whoever calls us through it.
async fn not_for_neighbours(request: Request, next: Next) -> Result<Response, Problem> {
    if request.headers().contains_key(CALLER) { Err(Problem::not_the_sidecar()) } else { Ok(next.run(request).await) }
}

/// Digests are compared: how long that takes says nothing about the token.
fn knows(headers: &HeaderMap, token: &Secret) -> bool {
    let mut sent = headers.get_all(TOKEN).iter();
    let digest = |bytes: &[u8]| Sha256::digest(bytes);
    match (sent.next(), sent.next()) {
        (Some(sent), None) => digest(sent.as_bytes()) == digest(token.expose().as_bytes()),
        _ => false,
    }
}

impl From<TickError> for Problem {
    fn from(error: TickError) -> Self {
        match error {
            TickError::Fault(fault) => fault.into(),
            TickError::Failed(Failure::Unavailable(reason)) => Self::unavailable(reason),
            TickError::Failed(_) => Self::internal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http::Method;
    use tower::Service;

    async fn ask(token: Option<&str>, method: Method, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let handed_on = Router::new().route("/api/notifications", get(async || "[]"));
        let app = App { token: token.map(Secret::new), handed_on, ..App::default() };
        app.routes().call(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn failure_19_only_who_knows_the_token_is_answered() {
        let secret = (TOKEN, "secret");
        for path in ["/cron-overdue-check", "/events/task", "/events/reminder", "/events/task-updates"] {
            for sent in [&[][..], &[(TOKEN, "wrong")], &[secret, secret], &[("authorization", "Bearer secret")]] {
                assert_eq!(ask(Some("secret"), Method::POST, path, sent).await, 403, "{path} {sent:?}");
            }
            assert_eq!(ask(Some("secret"), Method::POST, path, &[secret]).await, 200, "{path}");
        }
        assert_eq!(ask(Some("secret"), Method::OPTIONS, "/cron-overdue-check", &[]).await, 403);
        assert_eq!(ask(Some("secret"), Method::OPTIONS, "/cron-overdue-check", &[secret]).await, 200);
        assert_eq!(ask(Some("secret"), Method::GET, "/nothing", &[]).await, 403);
        assert_eq!(ask(Some("secret"), Method::GET, "/nothing", &[secret]).await, 404);
        assert_eq!(ask(None, Method::POST, "/cron-overdue-check", &[]).await, 200);
        assert_eq!(ask(None, Method::GET, "/cron-overdue-check", &[]).await, 405);
        assert_eq!(ask(Some("secret"), Method::GET, "/healthz", &[]).await, 200, "health checks carry no token");
    }

    #[tokio::test]
    async fn failure_19_a_neighbour_reaches_what_is_handed_on_and_nothing_else() {
        let neighbour = [(TOKEN, "secret"), (CALLER, "mcp-server")];
        for path in ["/cron-overdue-check", "/events/task", "/events/reminder", "/events/task-updates"] {
            assert_eq!(ask(Some("secret"), Method::POST, path, &neighbour).await, 403, "{path}");
        }
        assert_eq!(ask(Some("secret"), Method::GET, "/dapr/subscribe", &neighbour).await, 403);
        assert_eq!(ask(Some("secret"), Method::GET, "/api/notifications", &neighbour).await, 200);
        assert_eq!(ask(Some("secret"), Method::GET, "/api/notifications", &neighbour[..1]).await, 404);
        assert_eq!(ask(Some("secret"), Method::GET, "/api/notifications", &neighbour[1..]).await, 403);
    }
}
