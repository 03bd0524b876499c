//! `/mcp`: what an agent may do, and what it cannot. The clients of others are in `mcp_clients.rs`.

use crate::fixture::token;
use futures::future::join_all;
use http::Method;
use it::{Answer, Client, FIRST, Host, Options, Setup, Stream, only, someone};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

const CURRENT: &str = "2026-07-28";

/// A request of the current revision.
async fn ask(user: &Client, method: &str, params: Value) -> Answer {
    let mut params = params;
    params["_meta"] =
        json!({"io.modelcontextprotocol/protocolVersion": CURRENT, "io.modelcontextprotocol/clientCapabilities": {}});
    let mut request = user.request(Method::POST, "/mcp").header("mcp-protocol-version", CURRENT).header("mcp-method", method);
    if let Some(name) = params.get("name").or(params.get("uri")).and_then(Value::as_str) {
        request = request.header("mcp-name", name);
    }
    user.send(request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))).await
}

/// What a tool answers.
async fn call(user: &Client, tool: &str, arguments: Value) -> Value {
    let answer = ask(user, "tools/call", json!({"name": tool, "arguments": arguments})).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["result"].clone()
}

/// The same, where it did what was asked.
pub async fn done(user: &Client, tool: &str, arguments: Value) -> Value {
    let result = call(user, tool, arguments).await;
    assert_eq!(result["isError"], false, "{result}");
    result["structuredContent"].clone()
}

async fn raw(user: &Client, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = user.request(Method::POST, "/mcp").header("content-type", "application/json").body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    user.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_05_what_an_agent_changes_is_an_event_like_any_other() {
    let user = someone().await;
    let mut stream = user.stream(None).await;
    let task = done(&user, "add_task", json!({"title": "Feed the cat", "due_date": "2040-01-01T09:00:00+01:00"})).await;
    let id = task["id"].as_str().unwrap();
    let seen = stream.event().await;
    assert_eq!((seen.id.as_str(), &seen.data["task_id"], &seen.data["change_type"]), ("1", &task["id"], &json!("created")));
    done(&user, "complete_task", json!({"id": id})).await;
    assert_eq!(stream.event().await.data["change_type"], "completed");
    assert_eq!(user.get(&format!("/api/todos/{id}")).await.json()["completed"], true, "the API has the same task");

    for entry in user.history(id).await {
        assert_eq!((&entry["actor"]["kind"], &entry["source"]), (&json!("agent"), &json!("mcp")), "{entry}");
    }
    assert_eq!(done(&user, "task_history", json!({"id": id})).await["items"].as_array().unwrap().len(), 2);
    done(&user, "delete_task", json!({"id": id})).await;
    assert_eq!(stream.event().await.data["change_type"], "deleted");
    assert_eq!(user.post(&format!("/api/todos/{id}/restore"), &json!({})).await.status, 200, "its user can have it back");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_22_an_agent_cannot_name_another_user() {
    let (user, other) = (someone().await, someone().await);
    let theirs = other.task(&json!({"title": "Not yours"})).await["id"].as_str().unwrap().to_owned();
    let listed = ask(&user, "tools/list", json!({})).await.json()["result"]["tools"].clone();
    let tools = listed.as_array().unwrap();
    assert_eq!(tools.len(), 10);
    for tool in tools {
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        for name in ["user", "user_id", "owner", "owner_id", "email", "account"] {
            assert!(tool["inputSchema"]["properties"].get(name).is_none(), "{tool}");
            let mut arguments = json!({"id": theirs, "title": "Mine", "minutes": 5});
            arguments[name] = json!(other.user_id);
            let result = call(&user, tool["name"].as_str().unwrap(), arguments).await;
            assert_eq!(result["isError"], true, "{}: {result}", tool["name"]);
        }
    }
    for tool in ["get_task", "complete_task", "delete_task", "task_history"] {
        assert_eq!(call(&user, tool, json!({"id": theirs})).await["isError"], true, "{tool}");
    }
    let read = ask(&user, "resources/read", json!({"uri": format!("tasks://{theirs}")})).await;
    assert_eq!(read.json()["error"]["code"], -32602, "{}", read.text);
    assert_eq!(user.get("/api/todos").await.json()["items"], json!([]), "nothing came of it");
    assert_eq!(other.get("/api/todos").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_its_scopes_say() {
    let user = someone().await;
    let id = user.task(&json!({"title": "Tea"})).await["id"].clone();
    let scoped = async |scopes: &[&str]| user.with_token(&token(&user, scopes).await.1);
    let (reads, writes, neither) = (scoped(&["tasks:read"]).await, scoped(&["tasks:write"]).await, scoped(&["account"]).await);
    for (tool, arguments) in [
        ("list_tasks", json!({})),
        ("get_task", json!({"id": id})),
        ("task_history", json!({"id": id})),
        ("list_notifications", json!({})),
        ("recent_changes", json!({})),
    ] {
        done(&reads, tool, arguments.clone()).await;
        done(&writes, tool, arguments.clone()).await;
        refused(&ask(&neither, "tools/call", json!({"name": tool, "arguments": arguments})).await, "tasks:read");
    }
    for (tool, arguments) in [
        ("add_task", json!({"title": "x"})),
        ("add_task", json!({"text": "x tomorrow"})),
        ("update_task", json!({"id": id, "priority": "low"})),
        ("complete_task", json!({"id": id})),
        ("snooze_task", json!({"id": id, "minutes": 5})),
        ("delete_task", json!({"id": id})),
    ] {
        refused(&ask(&reads, "tools/call", json!({"name": tool, "arguments": arguments})).await, "tasks:write");
    }
    refused(&ask(&neither, "resources/read", json!({"uri": "tasks://open"})).await, "tasks:read");
    assert_eq!(user.get("/api/todos").await.json()["items"].as_array().unwrap().len(), 1);
    done(&writes, "delete_task", json!({"id": id})).await;
}

/// 403, and what would be needed (RFC 6750, section 3.1).
fn refused(answer: &Answer, scope: &str) {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(
        challenge.contains("error=\"insufficient_scope\"") && challenge.contains(&format!("scope=\"{scope}\"")),
        "{challenge}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_token_is_told_where_to_get_one() {
    let user = someone().await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    let cookie = format!("tidings_session={}", user.token.clone().unwrap());
    for (who, headers) in [
        (user.anonymous(), vec![]),
        (user.with_token("wrong"), vec![]),
        (user.anonymous(), vec![("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")]),
    ] {
        let answer = raw(&who, &body, &headers).await;
        assert_eq!(answer.status, 401, "{}", answer.text);
        let challenge = answer.header("www-authenticate").unwrap().to_owned();
        let (_, rest) = challenge.split_once("resource_metadata=\"").expect("where its document is");
        let address = rest.split('"').next().unwrap();
        let path = &address[address.find("/.well-known").expect("a well-known address")..];
        let document = user.anonymous().get(path).await.json();
        assert_eq!(document["resource"], json!(address.replace("/.well-known/oauth-protected-resource", "")), "{document}");
        assert_eq!(document["scopes_supported"], json!(["tasks:read", "tasks:write"]));
    }
    let (id, secret) = token(&user, &["tasks:read"]).await;
    let agent = user.with_token(&secret);
    done(&agent, "list_tasks", json!({})).await;
    assert_eq!(user.delete(&format!("/api/tokens/{id}")).await.status, 204);
    assert_eq!(ask(&agent, "tools/list", json!({})).await.status, 401, "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_and_names_bent_to_this_machine_are_refused() {
    let user = someone().await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
    for origin in ["null", "https://evil.example", "http://localhost:1"] {
        assert_eq!(raw(&user, &body, &[("origin", origin)]).await.problem(403)["type"], "urn:tidings:problem:foreign-origin");
    }
    for host in ["evil.example", "127.0.0.1.evil.example"] {
        assert_eq!(raw(&user, &body, &[("host", host)]).await.problem(403)["type"], "urn:tidings:problem:foreign-host");
    }
    assert_eq!(raw(&user, &body, &[("host", "localhost:8080"), ("origin", "http://localhost:8080")]).await.status, 200);

    let variables = vec![("TIDINGS_PUBLIC_URL".to_owned(), "https://tasks.example".to_owned())];
    let host = Host::start_with(&Options { env: variables, ..Options::default() });
    let user = host.someone().await;
    let answer = raw(&user.anonymous(), &body, &[("host", "tasks.example")]).await;
    assert_eq!(answer.status, 401);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.contains("\"https://tasks.example/.well-known/oauth-protected-resource/mcp\""), "{challenge}");
    assert_eq!(raw(&user, &body, &[("host", "tasks.example"), ("origin", "https://tasks.example")]).await.status, 200);
    assert_eq!(raw(&user, &body, &[("host", "other.example")]).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_and_harms_nobody() {
    let user = someone().await;
    for (body, headers, status, code) in [
        ("{", &[][..], 400, -32700),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, &[], 400, -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, &[], 400, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"prompts/list"}"#, &[], 200, -32601),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, &[("mcp-protocol-version", "1999-01-01")], 400, -32022),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, &[("mcp-protocol-version", CURRENT)], 400, -32602),
    ] {
        let answer = raw(&user, body, headers).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (status, &json!(code)), "{body}: {}", answer.text);
    }
    assert_eq!(ask(&user, "logging/setLevel", json!({})).await.status, 404);
    let deep =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}{}}}"#, r#"{"a":"#.repeat(500), "}".repeat(500));
    assert_eq!(raw(&user, &deep, &[]).await.json()["error"]["code"], -32700);
    let long = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add_task", "arguments": {"title": "x".repeat(1 << 20)}}});
    assert_eq!(raw(&user, &long.to_string(), &[]).await.status, 413);
    let text = user.request(Method::POST, "/mcp").header("content-type", "text/plain").body("{}");
    assert_eq!(user.send(text).await.status, 415);
    assert_eq!(user.get("/mcp").await.problem(405)["type"], "urn:tidings:problem:method-not-allowed");
    let title = call(&user, "add_task", json!({"title": "x".repeat(100_000)})).await;
    assert!(title["isError"] == true && title["content"][0]["text"].as_str().unwrap().len() < 1_000, "{title}");
    done(&user, "add_task", json!({"title": "still served"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_its_users_alone() {
    let (user, other) = (someone().await, someone().await);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"},
    }});
    let begun = raw(&user, &body.to_string(), &[]).await;
    assert_eq!(
        (begun.status.as_u16(), &begun.json()["result"]["protocolVersion"]),
        (200, &json!("2025-06-18")),
        "{}",
        begun.text
    );
    let id = begun.header("mcp-session-id").expect("a session").to_owned();
    let headers = [("mcp-protocol-version", "2025-06-18"), ("mcp-session-id", id.as_str())];
    let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"}).to_string();
    assert_eq!(
        raw(&user, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string(), &headers).await.status,
        202
    );
    assert_eq!(raw(&user, &ping, &headers).await.status, 200);
    assert_eq!(raw(&other, &ping, &headers).await.status, 404, "somebody else's");
    let end =
        async |who: &Client| who.send(who.request(Method::DELETE, "/mcp").header("mcp-session-id", &id)).await.status.as_u16();
    assert_eq!((end(&other).await, end(&user).await), (404, 204));
    assert_eq!(raw(&user, &ping, &headers).await.status, 404, "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_at_once_are_all_answered_and_a_client_that_vanishes_leaves_nothing() {
    let user = someone().await;
    let all = join_all((0..100).map(async |n: u32| done(&user, "add_task", json!({"title": format!("task {n}")})).await)).await;
    assert_eq!(all.len(), 100);
    let vanishing = (0..20).map(|_| {
        let asked = ask(&user, "tools/call", json!({"name": "list_tasks", "arguments": {"limit": 200}}));
        tokio::time::timeout(Duration::from_millis(1), asked)
    });
    join_all(vanishing).await;
    let page = done(&user, "list_tasks", json!({"limit": 60, "sort": "title"})).await;
    let rest = done(&user, "list_tasks", json!({"limit": 60, "sort": "title", "cursor": page["next_cursor"]})).await;
    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!((count(&page), count(&rest), &rest["next_cursor"]), (60, 40, &Value::Null));
}

/// What an agent that joins is told was changed lately, by whomever.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_lately_is_known() {
    let user = someone().await;
    let first = user.task(&json!({"title": "By hand"})).await;
    done(&user, "add_task", json!({"title": "By an agent"})).await;
    user.complete(first["id"].as_str().unwrap(), true).await;
    let known = async {
        loop {
            let items = done(&user, "recent_changes", json!({})).await["items"].clone();
            if items.as_array().unwrap().len() == 3 {
                return items;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let items = tokio::time::timeout(Setup::of_this_run().patience(), known).await.expect("three changes");
    let told: Vec<_> = items
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["event_type"].as_str().unwrap(), item["source"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("task.completed", "api"), ("task.created", "mcp"), ("task.created", "api")]);
    let other = someone().await;
    assert_eq!(done(&other, "recent_changes", json!({})).await["items"], json!([]));
}

/// A stream of the current revision, of which each is a request for itself.
async fn listen(user: &Client, uris: Value) -> Stream {
    let meta = json!({"io.modelcontextprotocol/protocolVersion": CURRENT, "io.modelcontextprotocol/clientCapabilities": {}});
    let params = json!({"_meta": meta, "notifications": {"toolsListChanged": true, "resourceSubscriptions": uris}});
    let request = user.request(Method::POST, "/mcp").header("mcp-protocol-version", CURRENT);
    let request = request.header("mcp-method", "subscriptions/listen");
    let body = json!({"jsonrpc": "2.0", "id": "s", "method": "subscriptions/listen", "params": params});
    let response = request.json(&body).send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    Stream::new(response)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_hears_of_what_it_follows_and_of_nothing_else() {
    let user = someone().await;
    let [one, two] = [1, 2].map(|n| json!({"title": format!("task {n}")}));
    let (one, two) = (user.task(&one).await, user.task(&two).await);
    let uri = |task: &Value| format!("tasks://{}", task["id"].as_str().unwrap());
    let mut of_one = listen(&user, json!([uri(&one), "tasks://nothing", "file:///etc/passwd"])).await;
    let acknowledged = of_one.next().await.expect("an event").data;
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(acknowledged["params"]["notifications"], json!({"resourceSubscriptions": [uri(&one)]}));
    let mut of_open = listen(&user, json!(["tasks://open"])).await;
    of_open.next().await.expect("an event");

    user.complete(two["id"].as_str().unwrap(), true).await;
    done(&user, "update_task", json!({"id": one["id"], "priority": "low"})).await;
    someone().await.task(&json!({"title": "of somebody else"})).await;
    let told = of_one.next().await.expect("an event").data;
    assert_eq!((&told["method"], &told["params"]["uri"]), (&json!("notifications/resources/updated"), &json!(uri(&one))));
    assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "s");
    for _ in 0..2 {
        assert_eq!(of_open.next().await.expect("an event").data["params"]["uri"], "tasks://open");
    }
    assert!(of_one.silent(Duration::from_millis(300)).await && of_open.silent(Duration::from_millis(300)).await);

    let neither = user.with_token(&token(&user, &["account"]).await.1);
    refused(&ask(&neither, "subscriptions/listen", json!({"notifications": {}})).await, "tasks:read");
    for bad in
        [json!({}), json!({"notifications": 1}), json!({"notifications": {"resourceSubscriptions": vec!["tasks://open"; 101]}})]
    {
        assert_eq!(ask(&user, "subscriptions/listen", bad).await.json()["error"]["code"], -32602);
    }
    let (id, secret) = token(&user, &["tasks:read"]).await;
    let mut revoked = listen(&user.with_token(&secret), json!(["tasks://open"])).await;
    revoked.next().await.expect("an event");
    assert_eq!(user.delete(&format!("/api/tokens/{id}")).await.status, 204);
    assert!(revoked.ends(Duration::from_secs(10)).await, "with its token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_hears_of_what_it_subscribes_to() {
    let user = someone().await;
    let task = user.task(&json!({"title": "Tea"})).await;
    let uri = format!("tasks://{}", task["id"].as_str().unwrap());
    let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}});
    let begun = raw(&user, &begin.to_string(), &[]).await;
    assert_eq!(begun.json()["result"]["capabilities"]["resources"]["subscribe"], true);
    let id = begun.header("mcp-session-id").unwrap().to_owned();
    let headers = [("mcp-protocol-version", "2025-11-25"), ("mcp-session-id", id.as_str())];
    let response = user.request(Method::GET, "/mcp").header("mcp-session-id", &id).send().await.expect("an answer");
    assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    let mut stream = Stream::new(response);
    let subscribe = async |method: &str, uri: &str| {
        let body = json!({"jsonrpc": "2.0", "id": 2, "method": format!("resources/{method}"), "params": {"uri": uri}});
        raw(&user, &body.to_string(), &headers).await.json()
    };
    done(&user, "update_task", json!({"id": task["id"], "priority": "low"})).await;
    assert!(stream.silent(Duration::from_millis(300)).await, "nothing is followed yet");
    assert_eq!(subscribe("subscribe", &uri).await["result"], json!({}));
    assert_eq!(subscribe("subscribe", "tasks://nothing").await["error"]["code"], -32002);
    done(&user, "update_task", json!({"id": task["id"], "priority": "high"})).await;
    let told = stream.next().await.expect("an event").data;
    assert_eq!((&told["method"], &told["params"]), (&json!("notifications/resources/updated"), &json!({"uri": uri})));
    assert_eq!(subscribe("unsubscribe", &uri).await["result"], json!({}));
    done(&user, "update_task", json!({"id": task["id"], "priority": "low"})).await;
    assert!(stream.silent(Duration::from_millis(300)).await, "it is followed no more");

    let other = someone().await;
    let theirs = other.send(other.request(Method::GET, "/mcp").header("mcp-session-id", &id)).await;
    assert_eq!(theirs.status, 404, "{}", theirs.text);
    let end = user.request(Method::DELETE, "/mcp").header("mcp-session-id", &id);
    assert_eq!(user.send(end).await.status, 204);
    done(&user, "update_task", json!({"id": task["id"], "priority": "high"})).await;
    assert!(stream.ends(Duration::from_secs(10)).await, "with the conversation, as soon as something changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_stdio_an_agent_is_served_with_and_without_a_running_host() {
    if !only(FIRST, "this test: the pipe is the same everywhere") {
        return;
    }
    let mut host = Host::start();
    let user = host.someone().await;
    let data = host.data().to_owned();
    let talk = || {
        let mut child = Command::new(it::host::binary())
            .args(["mcp", "--user", &user.email, "--data"])
            .arg(&data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let (mut stdin, mut lines) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()).lines());
        let mut ask = |message: Value| {
            writeln!(stdin, "{message}").expect("it listens");
            serde_json::from_str::<Value>(&lines.next().expect("a line").expect("of text")).expect("JSON")
        };
        let begun = ask(
            json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}}}),
        );
        assert_eq!(begun["result"]["protocolVersion"], "2025-11-25", "{begun}");
        let meta = json!({"io.modelcontextprotocol/protocolVersion": CURRENT, "io.modelcontextprotocol/clientCapabilities": {}});
        let params = json!({"name": "add_task", "arguments": {"title": "Grüße"}, "_meta": meta});
        let added = ask(json!({"jsonrpc": "2.0", "id": "x", "method": "tools/call", "params": params}));
        assert_eq!((&added["id"], &added["result"]["structuredContent"]["title"]), (&json!("x"), &json!("Grüße")), "{added}");
        assert_eq!(ask(json!([]))["error"]["code"], -32600);
        let read = ask(json!({"jsonrpc": "2.0", "id": 3, "method": "resources/read", "params": {"uri": "tasks://nö"}}));
        assert_eq!(read["error"]["code"], -32002, "{read}");
        drop(stdin);
        assert!(child.wait().expect("it ends").success());
    };
    talk();
    assert!(host.stop(), "{}", host.log());
    talk();
    host.restart(&Options::default());
    assert_eq!(user.at(&host.public).get("/api/todos").await.json()["items"].as_array().unwrap().len(), 2);
    let (status, _, why) = host.cli(&["mcp", "--user", "nobody@example.org"]);
    assert!(status == 1 && why.contains("nobody has signed up as nobody@example.org"), "{why}");
}
