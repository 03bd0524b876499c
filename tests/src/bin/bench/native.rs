//! The baseline: a native axum server with the same use cases over the same store, identity and session, and no component.
//! What it lacks is what is measured: instances, the boundary, and the host's listener.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use domain::change::Source;
use domain::command::{Command as Do, Edit, Precondition};
use domain::id::TaskId;
use domain::input;
use domain::time::Timestamp;
use domain::todos::Todos;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tidings::clock::{Clock as _, SystemClock};
use tidings::identity::{Credentials, Identity, IdentityConfig, Secret, SigningKey};
use tidings::ports::Session;
use tidings::store::Store;
use tidings::store::sqlite::SqliteStore;
use tidings::task::Tasks;

/// A running baseline, in a process of its own. Dropping it kills it.
pub struct Native {
    child: Child,
    _folder: tempfile::TempDir,
    pub base: String,
    pub token: String,
}

impl Native {
    /// Starts it, with one user.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        let mut child = command.arg("native").arg(folder.path()).stdout(Stdio::piped()).spawn().expect("a process");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let base = lines.next().expect("an address");
        let token = lines.next().expect("a token");
        Self { child, _folder: folder, base, token }
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[derive(Clone)]
struct App {
    store: Arc<dyn Store>,
    identity: Arc<Identity>,
}

/// The domain's clock, native.
struct Now;

impl domain::ports::Clock for Now {
    fn now(&self) -> Timestamp {
        SystemClock.now()
    }
    fn new_id(&self) -> uuid::Uuid {
        uuid::Uuid::now_v7()
    }
}

/// Serves on a free port until killed; prints its address and a token.
pub async fn serve(data: &std::path::Path) {
    let store: Arc<SqliteStore> = Arc::new(SqliteStore::open(data).await.expect("a store"));
    let key = SigningKey::load_or_create(data).expect("a key");
    let clock = Arc::new(SystemClock);
    let identity = Identity::new(store.clone(), clock, &Tasks::default(), key, IdentityConfig::default()).expect("identity");
    let signed_in = identity.sign_up("bench@example.org", Secret::new("correct horse battery staple"), None).await;
    let token = signed_in.expect("an account").access_token.expose().to_owned();
    let app = App { store, identity: Arc::new(identity) };
    let router = Router::new()
        .route("/api/todos", get(list).post(create))
        .route("/api/todos/batch", axum::routing::post(batch))
        .route("/api/todos/{id}", get(one))
        .route("/api/todos/{id}/complete", patch(complete))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("http://{}\n{token}", listener.local_addr().expect("an address"));
    let listener = axum::serve::ListenerExt::tap_io(listener, |socket| drop(socket.set_nodelay(true)));
    axum::serve(listener, router).await.expect("to serve");
}

impl App {
    async fn session(&self, headers: &HeaderMap, method: &str) -> Session {
        let authorization = headers.get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().expect("text").to_owned());
        let credentials =
            Credentials { method: method.to_owned(), authorization: authorization.collect(), ..Credentials::default() };
        let principal = self.identity.authenticate(&credentials).await.expect("a principal");
        Session::new(self.store.clone(), Arc::new(SystemClock), principal, "native".into(), None)
    }
}

fn todos(session: &Session) -> Todos<'_, Session, Now> {
    Todos { session, clock: &Now, source: Source::Api }
}

fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], serde_json::to_vec(body).expect("JSON")).into_response()
}

async fn list(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let session = app.session(&headers, "GET").await;
    let query = input::list_params(query.as_deref().unwrap_or_default(), SystemClock.now()).expect("a query");
    json(StatusCode::OK, &todos(&session).list(query).await.expect("a page"))
}

async fn one(State(app): State<App>, Path(id): Path<TaskId>, headers: HeaderMap) -> Response {
    let session = app.session(&headers, "GET").await;
    json(StatusCode::OK, &todos(&session).get(id).await.expect("a task"))
}

async fn create(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let session = app.session(&headers, "POST").await;
    let command = Do::Create(input::new_task(&body).expect("a task"));
    json(StatusCode::CREATED, &todos(&session).run(&command).await.expect("a task"))
}

async fn complete(State(app): State<App>, Path(id): Path<TaskId>, headers: HeaderMap, body: Bytes) -> Response {
    let session = app.session(&headers, "PATCH").await;
    let edit = Edit::Complete(input::completion(&body).expect("a flag"));
    let command = Do::Edit { id, precondition: Precondition::None, edit };
    json(StatusCode::OK, &todos(&session).run(&command).await.expect("a task"))
}

async fn batch(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    let session = app.session(&headers, "POST").await;
    let commands = input::batch(&body).expect("a batch");
    let domain::todos::Answer::Fresh(tasks) = todos(&session).batch(&commands, None).await.expect("tasks") else {
        unreachable!()
    };
    let results: Vec<_> = tasks.iter().map(|task| serde_json::json!({"id": task.id, "task": task})).collect();
    json(StatusCode::OK, &serde_json::json!({"results": results}))
}
