//! What an agent's call costs beside the same request of the API, and what sessions cost that do nothing.

use crate::load::{Connection, Shot, closed_loop};
use crate::measures::{CLIENTS, LOAD, fill};
use it::Host;
use serde_json::{Value, json};

const SESSIONS: usize = 1_000;

pub async fn measure() {
    let host = Host::start();
    let user = host.user("bench").await;
    let token = user.token.clone().expect("token");
    let ids =
        fill(&user.base, &token, 1_000, |n| json!({"title": format!("task {n}"), "due_date": "2040-01-01T09:00:00Z"})).await;
    println!("{:<22} {:>12} {:>12} {:>7}   p50 / p99 of the tool", "", "API 1/s", "tool 1/s", "costs");
    for what in ["list 20 of 1,000", "get", "create"] {
        let mut figures = Vec::new();
        // API, tool, API, tool: each side's better run counts, so that a slow moment of the machine does not.
        for turn in 0..4 {
            let (ids, by_tool) = (ids.clone(), turn % 2 == 1);
            let shot = move |index: usize, count: usize| {
                let id = &ids[(index * 31 + count) % ids.len()];
                let title = format!("task {index} {count}");
                match (what, by_tool) {
                    ("get", false) => Shot { method: "GET", path: format!("/api/todos/{id}"), body: String::new() },
                    ("get", true) => call("get_task", json!({"id": id})),
                    ("create", false) => {
                        Shot { method: "POST", path: "/api/todos".to_owned(), body: json!({"title": title}).to_string() }
                    }
                    ("create", true) => call("add_task", json!({"title": title})),
                    (_, false) => Shot { method: "GET", path: "/api/todos?limit=20".to_owned(), body: String::new() },
                    (_, true) => call("list_tasks", json!({"limit": 20})),
                }
            };
            figures.push(closed_loop(&user.base, &token, CLIENTS, LOAD, shot).await);
        }
        let best = |a: usize, b: usize| if figures[a].per_second > figures[b].per_second { &figures[a] } else { &figures[b] };
        let (api, tool) = (best(0, 2), best(1, 3));
        println!(
            "{what:<22} {:>12.0} {:>12.0} {:>7.2}   {:.2?} / {:.2?}",
            api.per_second,
            tool.per_second,
            api.per_second / tool.per_second,
            tool.percentile(0.5),
            tool.percentile(0.99)
        );
    }

    let mut connection = Connection::open(&user.base, &token).await;
    let before = host.resident_kib();
    for _ in 0..SESSIONS {
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        connection.fire(&message("initialize", &params)).await;
    }
    let after = host.resident_kib();
    println!("{SESSIONS} sessions that do nothing: {before} KiB resident before, {after} after");
}

fn call(tool: &str, arguments: Value) -> Shot {
    message("tools/call", &json!({"name": tool, "arguments": arguments}))
}

fn message(method: &str, params: &Value) -> Shot {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    Shot { method: "POST", path: "/mcp".to_owned(), body }
}
