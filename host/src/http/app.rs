//! The application listener: what a Dapr sidecar calls. It is for nobody else: it takes no user's token, and the public
//! listener has none of its paths.

use super::layers;
use super::problem::Problem;
use crate::engine::TickError;
use crate::identity::Secret;
use crate::schedule::Asking;
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use domain::ports::Failure;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Where the sidecar shows that it is ours
/// (<https://docs.dapr.io/operations/security/app-api-token/>).
const TOKEN: &str = "dapr-api-token";

/// What the application listener answers with. Without a token everybody who reaches it is taken for the sidecar.
pub fn routes(token: Option<Secret>, schedules: Vec<Asking>) -> Router {
    Router::new()
        // A cron binding asks by OPTIONS whether it is wanted, and calls by POST: docs.dapr.io, "Cron binding spec".
        .route("/cron-overdue-check", post(check).options(async || well()))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed("OPTIONS, POST"))
        .with_state(Arc::from(schedules))
        .layer(from_fn_with_state(token.map(Arc::new), guard))
        .layer(from_fn(layers::identify))
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

async fn guard(State(token): State<Option<Arc<Secret>>>, request: Request, next: Next) -> Result<Response, Problem> {
    if token.is_none_or(|token| knows(request.headers(), &token)) {
        Ok(next.run(request).await)
    } else {
        Err(Problem::not_the_sidecar())
    }
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

    async fn ask(token: Option<&str>, method: Method, uri: &str, sent: &[&str]) -> u16 {
        let mut request = Request::builder().method(method).uri(uri);
        for sent in sent {
            request = request.header(TOKEN, *sent);
        }
        let mut routes = routes(token.map(Secret::new), Vec::new());
        routes.call(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn failure_19_only_who_knows_the_token_is_answered() {
        for (sent, status) in [(&[][..], 403), (&["wrong"], 403), (&["secret", "secret"], 403), (&["secret"], 200)] {
            assert_eq!(ask(Some("secret"), Method::POST, "/cron-overdue-check", sent).await, status, "{sent:?}");
            assert_eq!(ask(Some("secret"), Method::OPTIONS, "/cron-overdue-check", sent).await, status, "{sent:?}");
        }
        assert_eq!(ask(Some("secret"), Method::GET, "/nothing", &[]).await, 403);
        assert_eq!(ask(Some("secret"), Method::GET, "/nothing", &["secret"]).await, 404);
        assert_eq!(ask(None, Method::POST, "/cron-overdue-check", &[]).await, 200);
        assert_eq!(ask(None, Method::GET, "/cron-overdue-check", &[]).await, 405);
    }
}
