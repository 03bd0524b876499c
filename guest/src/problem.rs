//! Every refusal of a component, as a problem document (RFC 9457). The host has its own for what no component saw; where
//! both have one for the same thing, it has the same name. The list for readers is docs/problems.md.

use crate::http::{Answer, MAX_BODY, text};
use crate::identity::{AccountError, Denied};
use domain::error::{Error, Fault};
use domain::ports::Failure;
use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

/// Why a request was refused, in words for the client.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    /// After `urn:tidings:problem:`.
    name: &'static str,
    title: &'static str,
    detail: String,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    /// What is at fault, all of it.
    errors: Vec<Fault>,
    /// Of a batch: which operation, counted from 0.
    operation: Option<usize>,
}

/// As it is sent.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<usize>,
}

impl Problem {
    fn new(status: StatusCode, name: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, name, title, detail: detail.into(), header: None, errors: Vec::new(), operation: None }
    }

    fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some(Box::new((name, value))), ..self }
    }

    /// 404: nothing answers to this path, or it names nothing of the user's.
    pub fn not_found(detail: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 405; `allow` lists what would be, with commas between.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("This path answers to {allow}.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
            .with(ALLOW, HeaderValue::from_static(allow))
    }

    pub(crate) fn not_json() -> Self {
        let detail = "A body is JSON, and its Content-Type is application/json.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "Unsupported media type", detail)
    }

    pub(crate) fn body_too_large() -> Self {
        let detail = format!("A body has at most {MAX_BODY} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "Body too large", detail)
    }

    pub(crate) fn body_cut_off() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", "The body ended before its end.")
    }

    /// 422, with everything that is at fault.
    fn invalid(errors: Vec<Fault>) -> Self {
        let detail = match errors.as_slice() {
            [Fault { path, detail }] if path.is_empty() => format!("The body is not what it should be: {detail}."),
            [Fault { path, detail }] => format!("{path}: {detail}."),
            several => format!("There are {} faults.", several.len()),
        };
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid request", detail) }
    }

    fn unauthorized(challenge: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized", detail)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    fn ended() -> Self {
        Self::unauthorized("Bearer error=\"invalid_token\"", "These credentials are not valid, or no longer.")
    }

    fn forbidden(scope: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", format!("This needs the scope {scope}."))
    }

    fn throttled(seconds: u32) -> Self {
        let detail = format!("Too many wrong passwords. Try again in {seconds} s.");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many failures", detail).with(RETRY_AFTER, seconds.into())
    }

    fn unavailable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Unavailable just now", reason)
            .with(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// A 401 says how to authenticate: here in these words.
    pub fn challenging(self, challenge: &str) -> Self {
        match HeaderValue::try_from(challenge) {
            Ok(challenge) if self.status == StatusCode::UNAUTHORIZED => self.with(WWW_AUTHENTICATE, challenge),
            _ => self,
        }
    }

    /// The document. `instance` is the path that was asked for.
    pub(crate) fn into_answer(self, instance: &str, request_id: &str) -> Answer {
        let document = Document {
            kind: format!("urn:tidings:problem:{}", self.name),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            instance,
            request_id,
            errors: &self.errors,
            operation: self.operation,
        };
        let body = domain::json::text(&document);
        let mut answer = text(self.status, HeaderValue::from_static("application/problem+json"), body);
        answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer.headers_mut().extend(self.header.map(|header| *header));
        answer
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Missing => Self::unauthorized("Bearer", "This needs a bearer token or a session cookie."),
            Denied::Invalid => Self::ended(),
            Denied::Ambiguous => {
                Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", "There is more than one Authorization header.")
            }
            Denied::CrossSite => {
                let detail = "A cookie alone does not authorise a write from another origin.";
                Self::new(StatusCode::FORBIDDEN, "cross-site", "Forbidden", detail)
            }
            Denied::Throttled(seconds) => Self::throttled(seconds),
            Denied::Unavailable(reason) => Self::unavailable(reason),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Wrong => {
                Self { name: "wrong-credentials", ..Self::unauthorized("Bearer", "The address or the password is wrong.") }
            }
            AccountError::Taken => {
                Self::new(StatusCode::CONFLICT, "address-taken", "Address taken", "This address has an account.")
            }
            AccountError::Throttled(seconds) => Self::throttled(seconds),
            AccountError::External => {
                let detail = "Accounts live with an external issuer: sign in there.";
                Self::new(StatusCode::NOT_FOUND, "external-accounts", "Not here", detail)
            }
            AccountError::Forbidden(scope) => Self::forbidden(&scope),
            AccountError::Ended => Self::ended(),
            AccountError::Unavailable(reason) => Self::unavailable(reason),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::NotFound => Self::not_found("You have nothing by this id."),
            Error::Malformed(_) => Self::new(StatusCode::BAD_REQUEST, "malformed", "Malformed body", detail),
            Error::Invalid(errors) => Self::invalid(errors),
            Error::PreconditionFailed => {
                Self::new(StatusCode::PRECONDITION_FAILED, "precondition-failed", "Changed meanwhile", detail)
            }
            Error::KeyReused => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency-Key reused", detail)
            }
            Error::InOperation { index, error } => Self { operation: Some(index), ..Self::from(*error) },
            Error::Failure(failure) => failure.into(),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Conflict => Self::unavailable("Others changed the same at the same time. Try again."),
            Failure::Forbidden(scope) => Self::forbidden(&scope),
            Failure::Ended => Self::ended(),
            Failure::Invalid(why) => {
                // The host puts a component's standard error into its log.
                eprintln!("a port was misused: {why}");
                let detail = "The server made a mistake. The request id leads its operator to the cause.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
            }
            Failure::Unavailable(reason) => Self::unavailable(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    /// The status, the headers, and the document.
    fn sent(problem: impl Into<Problem>) -> (u16, http::HeaderMap, Value) {
        let answer = problem.into().into_answer("/api/todos/batch", "r-1");
        let (parts, body) = answer.into_parts();
        let bytes = futures::executor::block_on(body.collect()).unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, serde_json::from_slice(&bytes).unwrap())
    }

    #[test]
    fn an_operation_of_a_batch_fails_with_its_own_status_and_faults() {
        let fault = Error::invalid("operations[3].task.title", "is needed");
        let (status, headers, document) = sent(Error::InOperation { index: 3, error: Box::new(fault) });
        assert_eq!((status, &headers["content-type"]), (422, &HeaderValue::from_static("application/problem+json")));
        let expected = json!({
            "type": "urn:tidings:problem:invalid", "title": "Invalid request", "status": 422,
            "detail": "operations[3].task.title: is needed.", "instance": "/api/todos/batch", "request_id": "r-1",
            "errors": [{"path": "operations[3].task.title", "detail": "is needed"}], "operation": 3,
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn a_document_without_faults_has_no_errors() {
        let (status, _, document) = sent(Error::NotFound);
        assert_eq!((status, document.get("errors"), document.get("operation")), (404, None, None));
    }

    #[test]
    fn a_401_says_how_to_authenticate_and_a_503_when_to_try_again() {
        assert_eq!(sent(Denied::Missing).1["www-authenticate"], "Bearer");
        let (status, headers, document) = sent(Failure::Unavailable("The disk is full.".to_owned()));
        assert_eq!((status, headers["retry-after"].to_str().unwrap()), (503, "1"));
        assert_eq!(document["detail"], "The disk is full.");
    }

    #[test]
    fn a_mistake_of_ours_shows_no_cause() {
        let (status, _, document) = sent(Failure::Invalid("secret cause".to_owned()));
        assert_eq!((status, document.to_string().contains("secret")), (500, false));
    }
}
