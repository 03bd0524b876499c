//! Every error that the host itself answers with, as an RFC 9457 problem document. Components make their own; where
//! both have one for the same thing, it has the same name. The list for readers is docs/problems.md.

use crate::engine::Fault;
use crate::identity::Denied;
use crate::store::StoreError;
use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

/// What went wrong, in words for the client. A cause that is ours to know is logged where it is seen, and is never in here.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    detail: String,
    /// Name, in lower case, and value.
    header: Option<(&'static str, &'static str)>,
    /// What is at fault: a field or parameter, and why.
    errors: Vec<(String, &'static str)>,
}

impl Problem {
    fn new(status: StatusCode, name: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, name, title, detail: detail.into(), header: None, errors: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// 404: nothing answers to this path.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", "Nothing is here.")
    }

    /// 405; `allow` lists what would be.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("This path answers to {allow}.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail).with("allow", allow)
    }

    /// 422; each parameter by its name.
    pub fn unknown_parameters(names: Vec<String>) -> Self {
        let detail = "The query has parameters that this path does not know.";
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid request", detail);
        Self { errors: names.into_iter().map(|name| (name, "There is no such parameter.")).collect(), ..problem }
    }

    /// 413.
    pub fn too_large(limit: u64) -> Self {
        let detail = format!("A body has at most {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", detail)
    }

    /// 500: a fault of ours.
    pub fn internal() -> Self {
        let detail = "The server made a mistake. The request id leads its operator to the cause.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// 403 for the lack of a scope.
    pub fn forbidden(scope: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", format!("This needs the scope {scope}."))
    }

    /// 403 for whoever is not the sidecar that this host belongs to.
    pub fn not_the_sidecar() -> Self {
        let detail = "Only this host's sidecar is answered here: its dapr-api-token is the APP_API_TOKEN of the host.";
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", detail)
    }

    /// 403 where the name that was asked is none of ours.
    pub fn foreign_host() -> Self {
        let detail = "This is answered at loopback names, and at the address that TIDINGS_PUBLIC_URL names.";
        Self::new(StatusCode::FORBIDDEN, "foreign-host", "Forbidden", detail)
    }

    /// 403 where a page of another origin asks.
    pub fn foreign_origin() -> Self {
        let detail = "This is no API for pages of another origin.";
        Self::new(StatusCode::FORBIDDEN, "foreign-origin", "Forbidden", detail)
    }

    /// 503, with a reason fit to be shown.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable just now", reason).with("retry-after", "1")
    }

    /// The document. `instance` is the path that was asked for.
    pub fn document(self, instance: &str, request_id: &str) -> Response {
        let kind = format!("urn:tidings:problem:{}", self.name);
        let fields: [(&str, Value); 6] = [
            ("type", kind.into()),
            ("title", self.title.into()),
            ("status", self.status.as_u16().into()),
            ("detail", self.detail.into()),
            ("instance", instance.into()),
            ("request_id", request_id.into()),
        ];
        let mut document: Map<String, Value> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(|(path, detail)| json!({"path": path, "detail": detail}));
            document.extend([("errors".to_owned(), errors.collect())]);
        }
        let mut response = (self.status, Value::Object(document).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.header {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// Still without its document: [`super::layers::identify`] writes it, which knows the request.
    fn into_response(self) -> Response {
        (self.status, Extension(self)).into_response()
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let unauthorized = |challenge, detail: &str| {
            Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail).with("www-authenticate", challenge)
        };
        match denied {
            Denied::Missing => unauthorized("Bearer", "This needs a bearer token or a session cookie."),
            Denied::Invalid => unauthorized("Bearer error=\"invalid_token\"", "These credentials are not valid, or no longer."),
            Denied::Ambiguous => {
                Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", "There is more than one Authorization header.")
            }
            Denied::CrossSite => {
                let detail = "A cookie alone does not authorise a write from another origin.";
                Self::new(StatusCode::FORBIDDEN, "cross-site", "Forbidden", detail)
            }
            Denied::Unavailable(reason) => Self::unavailable(reason),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => Self::unavailable(reason),
            error => {
                tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the store failed");
                Self::internal()
            }
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Trapped | Fault::OutOfMemory => Self::internal(),
            Fault::TimedOut => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "timeout",
                "Timed out",
                "There was no answer within the time that there is.",
            ),
            Fault::Overloaded => Self::unavailable("More is being asked than can be answered. Try again soon."),
            Fault::NoComponent => Self::not_found(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_document_names_itself_and_its_request() {
        let response = Problem::method_not_allowed("GET").document("/api/stream/tasks", "r-1");
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let document: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["type"], "urn:tidings:problem:method-not-allowed");
        assert_eq!(document["request_id"], "r-1");
        assert_eq!(document["instance"], "/api/stream/tasks");
    }

    #[test]
    fn readers_find_every_problem_in_the_list() {
        let list = include_str!("../../../docs/problems.md");
        let unknown = Problem::unknown_parameters(vec!["x".into()]);
        let mut problems = vec![Problem::method_not_allowed("GET"), Problem::too_large(1), Problem::not_the_sidecar(), unknown];
        problems.extend([Denied::Missing, Denied::Invalid, Denied::Ambiguous, Denied::CrossSite].map(Problem::from));
        problems.extend(
            [Fault::Trapped, Fault::TimedOut, Fault::OutOfMemory, Fault::Overloaded, Fault::NoComponent].map(Problem::from),
        );
        for problem in problems {
            let row = format!("| `{}` | {} |", problem.name, problem.status.as_u16());
            assert!(list.contains(&row), "{row} is missing");
        }
    }

    #[test]
    fn a_fault_of_ours_shows_no_cause() {
        let problem = Problem::from(StoreError::Internal(anyhow::anyhow!("table task has no column x")));
        assert_eq!(problem.status, 500);
        assert!(!problem.detail.contains("column"));
    }
}
