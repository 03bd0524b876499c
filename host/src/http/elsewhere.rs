//! What another role answers: from here, requests for it go through the sidecars; there, they are as they were asked.

use super::context::{RequestId, traceparent};
use super::problem::Problem;
use crate::dapr::{self, Sidecar, Trouble};
use crate::roles::{Role, Roles};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::header::{HOST, HeaderName, HeaderValue};
use std::sync::Arc;

/// Carries the host that a client asked: between sidecars it is another.
const ASKED_HOST: HeaderName = HeaderName::from_static("x-tidings-host");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// This process's roles, and the way to those of others.
#[derive(Clone, Default)]
pub struct Elsewhere {
    pub roles: Roles,
    /// None: there is no way.
    pub sidecar: Option<Arc<Sidecar>>,
    /// What comes from another role goes to no third one.
    pub handed_on: bool,
}

impl Elsewhere {
    /// Whether a role is this process's. `Err`: it is not, and it does not hand on what others answer.
    pub fn is_here(&self, role: Role) -> Result<bool, Problem> {
        match self.roles.has(role) {
            true => Ok(true),
            false if self.roles.has(Role::Api) && !self.handed_on => Ok(false),
            false => Err(Problem::not_found()),
        }
    }

    /// What the role's app answers.
    pub async fn ask(&self, role: Role, id: &RequestId, mut request: Request) -> Result<Response, Problem> {
        let missing = "This is served elsewhere, and there is no way there: the host has no sidecar.";
        let sidecar = self.sidecar.as_ref().ok_or_else(|| Problem::unavailable(missing))?;
        let trace = traceparent(request.headers());
        let headers = request.headers_mut();
        let host = headers.remove(HOST);
        set(headers, ASKED_HOST, host);
        set(headers, TRACEPARENT, HeaderValue::from_str(&trace).ok());
        set(headers, HeaderName::from_static(super::context::REQUEST_ID), Some(id.as_header()));
        if role == Role::Sse {
            dapr::as_stream(headers);
        }
        dapr::hand_on(sidecar, role.app(), request).await.map(|answer| answer.map(Body::new)).map_err(|trouble| match trouble {
            Trouble::NoPath => Problem::not_found(),
            trouble => {
                tracing::warn!(app = role.app(), %trouble, "what another role answers cannot be had");
                Problem::unavailable("What serves this is away just now.")
            }
        })
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    headers.remove(&name);
    value.into_iter().for_each(|value| _ = headers.insert(&name, value));
}

/// A request that another role has handed on, as its client asked it.
pub(super) async fn as_asked(mut request: Request, next: Next) -> Response {
    if let Some(host) = request.headers_mut().remove(ASKED_HOST) {
        request.headers_mut().insert(HOST, host);
    }
    next.run(request).await
}
