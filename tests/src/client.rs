//! A client of the HTTP API that looks at whole answers.

use crate::setup::Setup;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// The password of every test's user.
pub const PASSWORD: &str = "correct horse battery staple";

/// One user's client, or nobody's.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    pub token: Option<String>,
    pub user_id: String,
    pub email: String,
    /// What shows that this is the host's sidecar.
    sidecar: Option<String>,
    /// What must live as long as this client: a shared host.
    #[allow(dead_code, reason = "it is held, not read")]
    keeps: Option<Arc<dyn Any + Send + Sync>>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).tcp_nodelay(true).build().expect("client");
        Self {
            http,
            base: base.to_owned(),
            token: None,
            user_id: String::new(),
            email: String::new(),
            sidecar: None,
            keeps: None,
        }
    }

    /// This client, which shows that it is the sidecar.
    pub fn as_sidecar(self, token: &str) -> Self {
        Self { sidecar: Some(token.to_owned()), ..self }
    }

    /// This client, which keeps that alive.
    pub fn keeping(self, what: Arc<dyn Any + Send + Sync>) -> Self {
        Self { keeps: Some(what), ..self }
    }

    /// This client with another bearer token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same user at another address.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Signs up; a client of that user.
    pub async fn sign_up(&self, email: &str) -> Self {
        let answer = self.post("/api/auth/sign-up", &json!({"email": email, "password": PASSWORD})).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let body = answer.json();
        let mut client = self.with_token(body["access_token"].as_str().expect("a token"));
        client.user_id = body["user"]["id"].as_str().expect("an id").to_owned();
        client.email = email.to_owned();
        client
    }

    /// The first bytes of a body that does not end.
    pub async fn first_chunk(&self, mut response: reqwest::Response) -> String {
        let chunk = tokio::time::timeout(Duration::from_secs(10), response.chunk()).await.expect("bytes within 10 s");
        String::from_utf8_lossy(&chunk.expect("the body goes on").unwrap_or_default()).into_owned()
    }

    /// A request that is still to be sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.sidecar {
            request = request.header("dapr-api-token", token);
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    /// The answer, where there was one.
    pub async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok(Answer { status, headers, text: answer.text().await? })
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Creates a task; what the server made of it.
    pub async fn task(&self, task: &Value) -> Value {
        let answer = self.post("/api/todos", task).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    pub async fn complete(&self, id: &str, completed: bool) -> Answer {
        self.patch(&format!("/api/todos/{id}/complete"), &json!({"completed": completed})).await
    }

    /// Every entry of a task's history.
    pub async fn history(&self, id: &str) -> Vec<Value> {
        self.all(&format!("/api/todos/{id}/history?limit=200")).await
    }

    /// Every item of a paged list; the path has a query already.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let (mut items, mut next) = (Vec::new(), None::<String>);
        loop {
            let page = match &next {
                None => self.get(path).await,
                Some(cursor) => self.get(&format!("{path}&cursor={cursor}")).await,
            };
            assert_eq!(page.status, 200, "{}", page.text);
            let page = page.json();
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(cursor) => next = Some(cursor.to_owned()),
                None => return items,
            }
        }
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?} ({})", self.text, self.status))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(HeaderName::from_bytes(name.as_bytes()).expect("a name"))?.to_str().ok()
    }

    /// The problem document, checked for what every one of them has.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        // Spin gives requests no ids (tests/spin-has-not.txt).
        let has_ids = Setup::of_this_run() != Setup::Spin;
        for field in ["type", "title", "request_id"].into_iter().filter(|field| has_ids || *field != "request_id") {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "no {field} in {problem}");
        }
        assert!(!has_ids || problem["request_id"].as_str() == self.header("x-request-id"), "{problem}");
        problem
    }

    /// The paths of a problem's `errors`.
    pub fn faults(&self, status: u16) -> Vec<String> {
        let problem = self.problem(status);
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {problem}"));
        errors.iter().map(|error| error["path"].as_str().expect("a path").to_owned()).collect()
    }
}
