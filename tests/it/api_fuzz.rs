//! Whatever a client sends: never a 5xx, never an answer that is not documented, and the host lives on.

use crate::document::{Document, Operation};
use crate::fixture::{Fixture, Request, document};
use it::{Client, Host};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

/// The operations that take part: cheap ones, which leave their user alive.
const OPERATIONS: [&str; 9] =
    ["listTasks", "createTask", "batch", "putTask", "patchTask", "completeTask", "snoozeTask", "putPreferences", "taskHistory"];

struct World {
    runtime: tokio::runtime::Runtime,
    host: Arc<Host>,
    document: Document,
    subjects: Vec<(Operation, Fixture)>,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (host, document) = (it::shared(), document());
        let chosen = document.operations().into_iter().filter(|operation| OPERATIONS.contains(&operation.id.as_str()));
        let subjects: Vec<_> = runtime.block_on(async {
            futures::future::join_all(chosen.map(async |operation| {
                let fixture = Fixture::of(&host, &operation).await;
                (operation, fixture)
            }))
            .await
        });
        assert_eq!(subjects.len(), OPERATIONS.len());
        Self { runtime, host, document, subjects }
    }

    /// Sends it to one of the operations, and holds the answer to what is documented.
    fn try_it(&self, which: usize, request: &Request) -> Result<(), TestCaseError> {
        let (operation, fixture) = &self.subjects[which % self.subjects.len()];
        let answer = self.runtime.block_on(fixture.send(operation, request, &fixture.client));
        prop_assert!(answer.status.as_u16() < 500, "{}: {} {}", operation.id, answer.status, answer.text);
        self.document.check(operation, &format!("{request:?}"), &answer);
        Ok(())
    }

    fn run<S: Strategy>(&self, cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        TestRunner::new(config).run(&strategy, test).unwrap_or_else(|failure| panic!("{failure}\n{}", self.host.log()));
        self.lives();
    }

    fn lives(&self) {
        let client = &self.subjects[0].1.client;
        assert_eq!(self.runtime.block_on(client.get("/api/todos?limit=1")).status, 200);
    }
}

/// Names that the server knows, and others.
fn name() -> impl Strategy<Value = String> {
    let known = "title|description|priority|tags|due_date|recurrence|recurrence_pattern|reminder_minutes|completed|minutes|until";
    let more = "operations|op|id|task|changes|rrule|time_zone|from|frequency|interval|theme|default_reminder_minutes";
    prop_oneof![8 => known, 4 => more, 1 => ".{0,8}"]
}

fn scalar() -> impl Strategy<Value = Value> {
    let text =
        "high|daily|create|update|2030-01-01T00:00:00Z|FREQ=DAILY|FREQ=MONTHLY;BYDAY=-1MO|UTC|Europe/Berlin|\\PC{0,30}|.{0,10}";
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-5i64..50_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            btree_map(name(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A body as it is documented, with a few of its values replaced.
fn nearly_good() -> impl Strategy<Value = Value> {
    let fields = btree_map(name(), any_json(), 0..3);
    fields.prop_map(|fields| {
        let mut body = json!({"title": "x", "due_date": "2030-01-31T09:00:00Z"});
        for (name, value) in fields {
            body[name] = value;
        }
        body
    })
}

fn header_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,60}",
        "Bearer [A-Za-z0-9._~+/=-]{0,80}",
        "Bearer eyJ[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}",
        "tdg_[A-Za-z0-9_-]{0,50}",
        "W?/?\"[0-9]{0,25}\"(, \"[0-9]{0,5}\")?",
        "-?[0-9]{0,30}",
        "[a-z]{1,12}/[a-z+*-]{1,12}(; ?charset=[a-z0-9-]{0,8})?",
        "tidings_session=[!-~]{0,60}",
        "https?://[a-z.:0-9]{0,20}",
        "[ü-ÿ]{1,10}",
    ]
}

const HEADERS: [&str; 15] = [
    "Authorization",
    "Cookie",
    "Origin",
    "Sec-Fetch-Site",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Last-Event-ID",
    "Content-Type",
    "Accept",
    "Accept-Encoding",
    "x-request-id",
    "traceparent",
    "Forwarded",
    "Range",
];

#[test]
fn any_body_is_answered() {
    let world = World::new();
    let body = prop_oneof![any_json(), nearly_good()];
    world.run(1_500, (any::<usize>(), body), |(which, body)| world.try_it(which, &Request::json("application/json", &body)));
}

#[test]
fn any_bytes_are_answered() {
    let world = World::new();
    let bytes = prop_oneof![".{0,60}", "[\\[{\":,0-9a-z\\\\\\]}]{0,40}", "\\PC{0,200}"];
    world.run(600, (any::<usize>(), bytes), |(which, text)| {
        world.try_it(which, &Request { body: Some(("application/json".to_owned(), text)), ..Request::default() })
    });
}

#[test]
fn any_query_and_cursor_are_answered() {
    let world = World::new();
    let (operation, fixture) = &world.subjects.iter().find(|(operation, _)| operation.id == "listTasks").expect("the list");
    world.runtime.block_on(async {
        for n in 0..3 {
            fixture.client.task(&json!({"title": format!("{n}")})).await;
        }
    });
    let page = world.runtime.block_on(fixture.client.get("/api/todos?limit=1")).json();
    let cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
    let mutated = (any::<prop::sample::Index>(), "[A-Za-z0-9_=-]{0,3}").prop_map(move |(at, piece)| {
        let at = at.index(cursor.len());
        format!("{}{piece}{}", &cursor[..at], &cursor[(at + 1).min(cursor.len())..])
    });
    let names = "status|priority|tag|q|due_before|due_after|sort|order|limit|cursor|[a-z]{0,6}";
    let values = prop_oneof!["open|high|created|due|asc|desc|200|2030-01-01T00:00:00Z", "\\PC{0,40}", "[0-9-]{0,30}", ".{0,20}"];
    let query = prop_oneof![vec((names, values), 0..5), mutated.prop_map(|cursor| vec![("cursor".to_owned(), cursor)])];
    world.run(1_000, query, |query| {
        let request = Request { query, ..Request::default() };
        let answer = world.runtime.block_on(fixture.send(operation, &request, &fixture.client));
        prop_assert!(answer.status.as_u16() < 500, "{request:?}: {} {}", answer.status, answer.text);
        world.document.check(operation, &format!("{request:?}"), &answer);
        Ok(())
    });
}

#[test]
fn any_header_is_answered() {
    let world = World::new();
    let header = (prop::sample::select(HEADERS.to_vec()), header_value());
    world.run(1_000, (any::<usize>(), any::<bool>(), vec(header, 0..4)), |(which, known, headers)| {
        let (operation, fixture) = &world.subjects[which % world.subjects.len()];
        let client = if known { fixture.client.clone() } else { fixture.client.anonymous() };
        let mut request = fixture.good(operation);
        request.headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let answer = world.runtime.block_on(fixture.send(operation, &request, &client));
        prop_assert!(answer.status.as_u16() < 500, "{request:?}: {} {}", answer.status, answer.text);
        world.document.check(operation, &format!("{request:?}"), &answer);
        Ok(())
    });
}

#[test]
fn any_last_event_id_is_answered() {
    let world = World::new();
    let client = &world.subjects[0].1.client;
    world.run(200, header_value(), |id| {
        let response = world.runtime.block_on(client.open_stream(Some(&id))).expect("an answer");
        prop_assert_eq!(response.status().as_u16(), 200, "{}", id);
        let first = world.runtime.block_on(client.first_chunk(response));
        prop_assert!(first.starts_with("retry:") || first.starts_with(':'), "{}", first);
        Ok(())
    });
}

#[test]
fn any_bytes_on_the_wire_leave_the_host_alive() {
    let world = World::new();
    let address = world.host.public.trim_start_matches("http://").to_owned();
    let token = world.subjects[0].1.client.token.clone().expect("a token");
    let noise = vec(any::<u8>(), 0..200);
    let request = "(GET|POST|PUT|HEAD|OPTIONS|TRACE|CONNECT|FOO) /[!-~]{0,40} HTTP/1\\.[01]";
    let header = "(Host|Content-Length|Transfer-Encoding|Connection|Expect|Upgrade|Content-Type|[!-~]{0,10}): ?[ -~]{0,30}";
    let head = (request, vec(header, 0..5), noise.clone()).prop_map(move |(first, headers, body)| {
        let head = format!("{first}\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{}\r\n\r\n", headers.join("\r\n"));
        [head.into_bytes(), body].concat()
    });
    world.run(400, prop_oneof![noise, head], |bytes| {
        let mut socket = TcpStream::connect(&address).expect("the host listens");
        socket.set_read_timeout(Some(Duration::from_millis(30))).expect("a timeout");
        // It may have hung up on the first bytes.
        if socket.write_all(&bytes).is_ok() {
            let mut answer = [0; 64];
            let length = socket.read(&mut answer).unwrap_or(0);
            let line = String::from_utf8_lossy(&answer[..length]).into_owned();
            prop_assert!(!line.starts_with("HTTP/1.1 5") || line.starts_with("HTTP/1.1 501"), "{}", line);
        }
        Ok(())
    });
}

#[test]
fn a_body_as_deep_as_it_can_be_is_refused() {
    let world = World::new();
    let client: &Client = &world.subjects[0].1.client;
    let deep = |open: &str, count: usize| open.repeat(count);
    for text in
        [deep("[", 1 << 20), deep("{\"a\":", 200_000), format!("{{\"title\":{}", deep("[", 500_000)), deep("9", 1_000_000)]
    {
        for path in ["/api/todos", "/api/todos/batch", "/api/auth/sign-in", "/api/tokens"] {
            let request = client.request(http::Method::POST, path).header("content-type", "application/json");
            let answer = world.runtime.block_on(client.send(request.body(text.clone())));
            assert!([400, 413, 422].contains(&answer.status.as_u16()), "{path}: {} {}", answer.status, answer.text);
        }
    }
    world.lives();
}
