//! Good input for every operation of the document: who asks, for which thing, with which body.

use crate::document::{Document, EXAMPLE_ID, Operation};
use crate::time::eventually;
use it::{Answer, Client, Host, Options};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

/// A host is started with this manifest of `tests/fixtures`.
pub fn manifest(name: &str) -> Options {
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    Options { args: vec!["--manifest".into(), manifest.display().to_string()], ..Options::default() }
}

/// A user with what one operation needs.
pub struct Fixture {
    pub client: Client,
    /// What stands for `{id}`.
    pub id: String,
    /// A task of the user's, for the ids in bodies.
    pub task: String,
}

/// A good request's parts.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// Media type and text.
    pub body: Option<(String, String)>,
}

impl Fixture {
    /// Panics for a path that it has nothing for: an operation without input is an operation without a test.
    pub async fn of(host: &Host, operation: &Operation) -> Self {
        let client = match operation.listener.client(host) {
            Some(client) => client,
            None => host.someone().await,
        };
        let mut fixture = Self { client, id: String::new(), task: String::new() };
        if operation.id == "signIn" {
            let (_, _, example) = operation.examples("").remove(0);
            fixture.client.anonymous().post("/api/auth/sign-up", &example).await;
        }
        if operation.path.starts_with("/api/todos/") {
            let task = fixture.client.task(&json!({"title": "Fixture", "due_date": "2031-01-01T00:00:00Z"})).await;
            fixture.task = task["id"].as_str().expect("an id").to_owned();
            fixture.id = fixture.task.clone();
        }
        if operation.id == "restoreTask" {
            let answer = fixture.client.delete(&format!("/api/todos/{}", fixture.id)).await;
            assert_eq!(answer.status, 204, "{}", answer.text);
        }
        if operation.path.starts_with("/api/tokens/") {
            fixture.id = token(&fixture.client, &["tasks:read"]).await.0;
        }
        if operation.path.starts_with("/api/notifications/{id}") {
            fixture.client.task(&json!({"title": "Fixture", "due_date": "2020-01-01T00:00:00Z"})).await;
            let first = async || fixture.client.all("/api/notifications?limit=1").await.into_iter().next();
            fixture.id = eventually("a notification", first).await["id"].as_str().expect("an id").to_owned();
        }
        let input = !operation.path.contains('{') || (operation.path.contains("{id}") && !fixture.id.is_empty());
        assert!(input, "no input for {} {}", operation.method, operation.path);
        fixture
    }

    /// Each good request of the operation, with its name: one for each example of a body, one for each optional parameter.
    pub fn requests(&self, operation: &Operation) -> Vec<(String, Request)> {
        let examples = operation.examples(&self.task);
        let mut requests: Vec<_> =
            examples.into_iter().map(|(name, media, value)| (name, Request::json(&media, &value))).collect();
        if operation.body.is_none() {
            requests.push(("nothing".to_owned(), Request::default()));
        }
        let first = requests.first().map(|(_, request)| request.clone()).unwrap_or_default();
        for (place, parameter) in
            ["query", "header"].iter().flat_map(|place| operation.parameters_in(place).map(move |p| (place, p)))
        {
            let name = parameter["name"].as_str().expect("a name").to_owned();
            let Some(value) = example(parameter) else { continue };
            let mut request = first.clone();
            let list = if *place == "query" { &mut request.query } else { &mut request.headers };
            list.push((name.clone(), value));
            requests.push((name, request));
        }
        requests
    }

    pub fn good(&self, operation: &Operation) -> Request {
        self.requests(operation).remove(0).1
    }

    /// The request, to this id, as this client.
    pub fn build(&self, operation: &Operation, id: &str, request: &Request, client: &Client) -> RequestBuilder {
        let mut path = operation.path.replace("{id}", id);
        if !request.query.is_empty() {
            let url = reqwest::Url::parse_with_params("http://encoded/", &request.query).expect("a URL");
            path = format!("{path}?{}", url.query().unwrap_or_default());
        }
        let mut builder = client.request(operation.method.clone(), &path);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        match &request.body {
            Some((media, text)) => builder.header("content-type", media).body(text.clone()),
            None => builder,
        }
    }

    /// Sends the request to the fixture's own id.
    pub async fn send(&self, operation: &Operation, request: &Request, client: &Client) -> Answer {
        send(client, self.build(operation, &self.id, request, client)).await
    }
}

impl Request {
    /// JSON, or, of another type, the text itself.
    pub fn json(media: &str, value: &Value) -> Self {
        let text = value.as_str().filter(|_| media.starts_with("text/")).map_or_else(|| value.to_string(), str::to_owned);
        Self { body: Some((media.to_owned(), text)), ..Self::default() }
    }

    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The answer; of a stream, what comes first.
pub async fn send(client: &Client, request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let streams = headers.get("content-type").is_some_and(|media| media == "text/event-stream");
    let text = if streams { client.first_chunk(response).await } else { response.text().await.expect("a body") };
    Answer { status, headers, text }
}

/// An API token with these scopes: its id and its secret.
pub async fn token(client: &Client, scopes: &[&str]) -> (String, String) {
    let answer = client.post("/api/tokens", &json!({"name": "test", "scopes": scopes})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let body = answer.json();
    let text = |field: &str| body[field].as_str().expect("text").to_owned();
    (text("id"), text("token"))
}

/// The document, checked for what a document must be before a server is asked.
pub fn document() -> Document {
    let document = Document::read();
    let text = document.value().to_string();
    assert!(text.contains(EXAMPLE_ID), "the examples name a task");
    document
}

fn example(parameter: &Value) -> Option<String> {
    match &parameter["example"] {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first().and_then(Value::as_str).map(str::to_owned),
        other => Some(other.to_string()),
    }
}
