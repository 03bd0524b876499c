//! HTTP as a component speaks it: a request is read whole and bounded, an answer is JSON, a refusal a problem document.

use crate::identity::{Credentials, authenticate};
use crate::{Problem, Session, etag};
use bytes::Bytes;
use domain::command::Precondition;
use domain::error::Error;
use domain::ports::{Failure, KeptAnswer};
use futures::{StreamExt, TryStreamExt, future, stream};
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderName, HeaderValue, IF_MATCH, ORIGIN};
use http::{Response, StatusCode, request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full, Limited, StreamBody};
use serde::Serialize;
use spin_sdk::wasip3::http_compat::IncomingRequestBody;
use std::pin::Pin;

/// The longest body that is read.
pub const MAX_BODY: usize = 1024 * 1024;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a component answers: at once, or piece by piece.
pub type Answer = Response<Either<Full<Bytes>, Pieces>>;

/// A body that is made while it is sent.
pub type Pieces = Pin<Box<dyn Body<Data = Bytes, Error = Failure>>>;

/// Everything of a request but its body.
#[derive(Debug)]
pub struct Request(request::Parts);

/// A request's body, not read yet.
pub struct Incoming {
    body: IncomingRequestBody,
    /// Of the header `Content-Type`.
    is_json: bool,
}

/// Serves one request: a refusal becomes its problem document.
pub async fn serve(
    request: spin_sdk::http::Request,
    route: impl AsyncFnOnce(&Request, Incoming) -> Result<Answer, Problem>,
) -> Answer {
    let (parts, body) = request.into_parts();
    let request = Request(parts);
    let incoming = Incoming { body, is_json: request.is_json() };
    match route(&request, incoming).await {
        Ok(answer) => answer,
        Err(problem) => problem.into_answer(request.path(), request.header(&REQUEST_ID).unwrap_or("unknown")),
    }
}

impl Request {
    /// In capitals.
    pub fn method(&self) -> &str {
        self.0.method.as_str()
    }

    pub fn path(&self) -> &str {
        self.0.uri.path()
    }

    /// What stands between the slashes, as it was sent.
    pub fn segments(&self) -> Vec<&str> {
        self.path().trim_start_matches('/').split('/').collect()
    }

    /// What stands behind the question mark, as it was sent; empty where there is none.
    pub fn query(&self) -> &str {
        self.0.uri.query().unwrap_or_default()
    }

    /// The first value of a header, where it is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.0.headers.get(name)?.to_str().ok()
    }

    /// Whether the client speaks TLS, to us or to a proxy before us. A client can lie about it, to its own harm only.
    pub fn is_https(&self) -> bool {
        let forwarded = self.header(&HeaderName::from_static("x-forwarded-proto"));
        self.0.uri.scheme() == Some(&http::uri::Scheme::HTTPS)
            || forwarded.is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
    }

    /// The session of whoever sent it.
    pub async fn session(&self) -> Result<Session, Problem> {
        let host = self.header(&HOST).or_else(|| self.0.uri.authority().map(|authority| authority.as_str()));
        let credentials = Credentials {
            method: self.method().to_owned(),
            authorization: self.all(&AUTHORIZATION),
            cookie: self.all(&COOKIE),
            origin: self.header(&ORIGIN).map(str::to_owned),
            sec_fetch_site: self.header(&SEC_FETCH_SITE).map(str::to_owned),
            host: host.map(str::to_owned),
        };
        Ok(authenticate(credentials).await?)
    }

    /// The session of whoever shows a bearer token. A cookie, which a browser sends by itself, counts for nothing.
    pub async fn session_of_bearer(&self) -> Result<Session, Problem> {
        let credentials = Credentials {
            method: self.method().to_owned(),
            authorization: self.all(&AUTHORIZATION),
            cookie: Vec::new(),
            origin: None,
            sec_fetch_site: None,
            host: None,
        };
        Ok(authenticate(credentials).await?)
    }

    /// Where the client reaches us: scheme and authority.
    pub fn origin(&self) -> String {
        let host =
            self.0.uri.authority().map(|authority| authority.as_str()).or_else(|| self.header(&HOST)).unwrap_or("localhost");
        format!("{}://{host}", if self.is_https() { "https" } else { "http" })
    }

    /// Which versions the request is willing to change.
    pub fn precondition(&self) -> Result<Precondition, Problem> {
        Ok(etag::precondition(&self.all(&IF_MATCH))?)
    }

    /// The one `Idempotency-Key`, if there is one.
    pub fn idempotency_key(&self) -> Result<Option<&str>, Problem> {
        let mut values = self.0.headers.get_all(IDEMPOTENCY_KEY).iter();
        match (values.next().map(HeaderValue::to_str), values.next()) {
            (None, _) => Ok(None),
            (Some(Ok(key)), None) => Ok(Some(key)),
            _ => Err(Error::invalid("Idempotency-Key", "is one value of printable ASCII characters").into()),
        }
    }

    /// Every value, none left out: one that is no text still counts.
    fn all(&self, name: &HeaderName) -> Vec<String> {
        self.0.headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }

    /// A body without a `Content-Type` is taken for JSON; so is JSON under a name of its own (RFC 6839), such as a merge patch.
    fn is_json(&self) -> bool {
        let Some(value) = self.0.headers.get(CONTENT_TYPE) else { return true };
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    }
}

impl Incoming {
    /// The whole body, where it is JSON and not too long.
    pub async fn read(self) -> Result<Bytes, Problem> {
        if !self.is_json {
            return Err(Problem::not_json());
        }
        self.read_any().await
    }

    /// The whole body, whatever it is, where it is not too long.
    pub async fn read_any(self) -> Result<Bytes, Problem> {
        match Limited::new(self.body, MAX_BODY).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Problem::body_too_large()),
            Err(_) => Err(Problem::body_cut_off()),
        }
    }
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    text(status, HeaderValue::from_static("application/json"), domain::json::text(value))
}

/// An answer as it was kept under an `Idempotency-Key`.
pub fn kept(kept: KeptAnswer) -> Result<Answer, Problem> {
    let bad = || Problem::from(Failure::Invalid("a kept answer is no answer".to_owned()));
    let status = StatusCode::from_u16(kept.status).map_err(|_| bad())?;
    let mut answer = text(status, HeaderValue::from_static("application/json"), kept.body);
    for (name, value) in kept.headers {
        let name = HeaderName::try_from(name).map_err(|_| bad())?;
        answer.headers_mut().insert(name, HeaderValue::try_from(value).map_err(|_| bad())?);
    }
    Ok(answer)
}

/// 200, with a body that is there already. Its type is the caller's to set.
pub fn bytes(body: &'static [u8]) -> Answer {
    Response::new(Either::Left(Full::new(Bytes::from_static(body))))
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = status;
    answer
}

/// 200, with a body that is made while it is sent, of whose pieces only the first is there already. A failure on the way
/// cuts the answer off, so that nobody takes a part for the whole.
pub fn pieces(
    content_type: &'static str,
    first: String,
    next: impl AsyncFnMut() -> Result<Option<String>, Failure> + 'static,
) -> Answer {
    let rest = stream::try_unfold(next, async |mut next| Ok(next().await?.map(|piece| (piece, next))));
    let all = stream::once(future::ready(Ok(first))).chain(rest);
    let body: Pieces = Box::pin(StreamBody::new(all.map_ok(|piece| Frame::data(Bytes::from(piece)))));
    let mut answer = Response::new(Either::Right(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer with a body of this type.
pub fn text(status: StatusCode, content_type: HeaderValue, body: String) -> Answer {
    let mut answer = Response::new(Either::Left(Full::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = http::Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Request(request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_body_is_json_unless_it_says_otherwise() {
        assert!(request("/", &[]).is_json());
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert!(request("/", &[("content-type", good)]).is_json(), "{good}");
        }
        for bad in ["text/plain", "text/json", "application/x-www-form-urlencoded", "", "application/jsonx", "image/svg+json"] {
            assert!(!request("/", &[("content-type", bad)]).is_json(), "{bad}");
        }
    }

    #[test]
    fn segments_are_what_stands_between_slashes() {
        assert_eq!(request("/api/todos/1?x=/", &[]).segments(), ["api", "todos", "1"]);
        assert_eq!(request("/api/todos/", &[]).segments(), ["api", "todos", ""]);
        assert_eq!(request("/api//todos", &[]).segments(), ["api", "", "todos"]);
    }

    #[test]
    fn tls_is_the_schemes_or_the_proxys_word() {
        assert!(!request("http://a.example/", &[]).is_https());
        assert!(request("https://a.example/", &[]).is_https());
        assert!(request("http://a.example/", &[("x-forwarded-proto", "HTTPS")]).is_https());
    }
}
