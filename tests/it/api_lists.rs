//! What SPEC section 3 promises of lists: filters, orders, pages.

use it::{Client, someone};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn titles(items: &[Value]) -> Vec<&str> {
    items.iter().map(|task| task["title"].as_str().expect("a title")).collect()
}

async fn listed(user: &Client, query: &str) -> Vec<String> {
    let items = user.all(&format!("/api/todos?{query}")).await;
    titles(&items).into_iter().map(str::to_owned).collect()
}

/// Five tasks that differ in everything.
async fn household() -> Client {
    let user = someone().await;
    for task in [
        json!({"title": "Bake", "priority": "low", "tags": ["home"], "due_date": "2020-01-02T00:00:00Z"}),
        json!({"title": "apply", "priority": "high", "tags": ["work", "urgent"], "due_date": "2030-01-01T00:00:00Z"}),
        json!({"title": "Éclairs", "description": "Where is the ÖVEN 100%?", "tags": ["home", "urgent"]}),
        json!({"title": "call", "priority": "high", "due_date": "2020-01-01T00:00:00Z"}),
        json!({"title": "Dust", "priority": "low", "description": "under_score"}),
    ] {
        let task = user.task(&task).await;
        if task["title"] == "call" {
            assert_eq!(user.complete(task["id"].as_str().unwrap(), true).await.status, 200);
        }
    }
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_is_newest_first_completed_ones_included() {
    let user = household().await;
    assert_eq!(listed(&user, "limit=50").await, ["Dust", "call", "Éclairs", "apply", "Bake"]);
    let page = user.get("/api/todos").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.json()["next_cursor"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_say_what_is_shown_and_all_must_hold() {
    let user = household().await;
    for (query, expected) in [
        ("status=open", vec!["Dust", "Éclairs", "apply", "Bake"]),
        ("status=completed", vec!["call"]),
        ("status=overdue", vec!["Bake"]),
        ("priority=high", vec!["call", "apply"]),
        ("priority=high&status=open", vec!["apply"]),
        ("tag=home", vec!["Éclairs", "Bake"]),
        ("tag=home&tag=urgent", vec!["Éclairs"]),
        ("tag=hom", vec![]),
        ("q=é", vec!["Éclairs"]),
        ("q=öven", vec!["Éclairs"]),
        ("q=A", vec!["call", "Éclairs", "apply", "Bake"]),
        ("q=ALL", vec!["call"]),
        ("q=100%25", vec!["Éclairs"]),
        ("q=%25", vec!["Éclairs"]),
        ("q=under_s", vec!["Dust"]),
        ("q=_", vec!["Dust"]),
        ("q=%22%27)%3B--", vec![]),
        ("due_before=2020-01-02T00:00:00Z", vec!["call"]),
        ("due_after=2020-01-02T00:00:00Z", vec!["apply", "Bake"]),
        ("due_after=2020-01-01T00:00:00Z&due_before=2030-01-01T00:00:00Z", vec!["call", "Bake"]),
        ("due_before=2020-01-02T01:00:00%2B01:00", vec!["call"]),
    ] {
        assert_eq!(listed(&user, query).await, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_follow_their_direction() {
    let user = household().await;
    for (query, expected) in [
        ("sort=created&order=asc", ["Bake", "apply", "Éclairs", "call", "Dust"]),
        ("sort=created&order=desc", ["Dust", "call", "Éclairs", "apply", "Bake"]),
        ("sort=title&order=asc", ["apply", "Bake", "call", "Dust", "Éclairs"]),
        ("sort=title&order=desc", ["Éclairs", "Dust", "call", "Bake", "apply"]),
    ] {
        assert_eq!(listed(&user, query).await, expected, "{query}");
    }
    let due = listed(&user, "sort=due&order=asc").await;
    assert_eq!(due[..3], ["call", "Bake", "apply"]);
    let due = listed(&user, "sort=due&order=desc").await;
    assert_eq!(due[..3], ["apply", "Bake", "call"], "those without a date come last in both orders");
    let by_priority = async |order: &str| {
        let items = user.all(&format!("/api/todos?sort=priority&order={order}")).await;
        items.iter().map(|task| task["priority"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(by_priority("asc").await, ["low", "low", "medium", "high", "high"]);
    assert_eq!(by_priority("desc").await, ["high", "high", "medium", "low", "low"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_task_once_in_the_order_of_the_whole() {
    let user = someone().await;
    // Many ties in each order.
    for n in 0..23 {
        let due = (n % 3 != 0).then(|| format!("2030-01-0{}T00:00:00Z", 1 + n % 2));
        let priority = ["low", "medium", "high"][n % 3];
        user.task(&json!({"title": format!("T{}", n % 4), "priority": priority, "due_date": due, "tags": ["all"]})).await;
    }
    for sort in ["created", "due", "priority", "title"] {
        for order in ["asc", "desc"] {
            let query = format!("/api/todos?tag=all&sort={sort}&order={order}");
            let whole = user.get(&format!("{query}&limit=200")).await.json();
            let whole = whole["items"].as_array().unwrap();
            assert_eq!(whole.len(), 23);
            for limit in [1, 5, 22, 23] {
                assert_eq!(&user.all(&format!("{query}&limit={limit}")).await, whole, "{sort} {order} by {limit}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_stable_while_tasks_come_and_go() {
    let user = someone().await;
    let mut expected = BTreeSet::new();
    for n in 0..12 {
        expected.insert(user.task(&json!({"title": format!("old {n:02}")})).await["id"].as_str().unwrap().to_owned());
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = user.get(&format!("/api/todos?sort=title&order=asc&limit=5{cursor}")).await.json();
        let ids = page["items"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        // Behind and before where the reader is: one more, one less.
        user.task(&json!({"title": "aa new"})).await;
        user.delete(&format!("/api/todos/{}", seen[0])).await;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let once: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!((once.len(), seen.len()), (12, 12), "each once");
    assert_eq!(once, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_and_at_most_two_hundred() {
    let user = someone().await;
    let operations: Vec<_> = (0..100).map(|n| json!({"op": "create", "task": {"title": format!("{n}")}})).collect();
    for _ in 0..3 {
        assert_eq!(user.post("/api/todos/batch", &json!({"operations": operations})).await.status, 200);
    }
    let length = async |path: &str| user.get(path).await.json()["items"].as_array().unwrap().len();
    assert_eq!(length("/api/todos").await, 50);
    assert_eq!(length("/api/todos?limit=200").await, 200);
    assert_eq!(length("/api/todos?limit=1").await, 1);
    assert_eq!(user.all("/api/todos?limit=200").await.len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_parameter_is_named() {
    let user = someone().await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("sort=colour", "sort"),
        ("sort=", "sort"),
        ("order=up", "order"),
        ("cursor=broken", "cursor"),
        ("cursor=", "cursor"),
        ("status=done", "status"),
        ("priority=urgent", "priority"),
        ("due_before=tomorrow", "due_before"),
        ("due_after=2020-01-01", "due_after"),
        ("tag=", "tag"),
        ("colour=red", "colour"),
        ("Limit=5", "Limit"),
        ("access_token=x", "access_token"),
    ] {
        assert_eq!(user.get(&format!("/api/todos?{query}")).await.faults(422), [name], "{query}");
    }
    let task = user.task(&json!({"title": "x"})).await;
    let id = task["id"].as_str().unwrap();
    for (query, name) in [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=broken", "cursor"), ("sort=time", "sort")] {
        assert_eq!(user.get(&format!("/api/todos/{id}/history?{query}")).await.faults(422), [name], "{query}");
    }
    assert_eq!(user.get(&format!("/api/todos/{id}?x=1")).await.faults(422), ["x"]);
    let several = user.get("/api/todos?limit=0&sort=colour&x=1").await.faults(422);
    assert_eq!(several.len(), 3, "{several:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_goes_with_its_list() {
    let user = household().await;
    let page = user.get("/api/todos?sort=title&limit=2").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    for query in ["sort=due", "sort=title&order=desc", "sort=title&status=open", "sort=title&q=a"] {
        assert_eq!(user.get(&format!("/api/todos?{query}&limit=2&cursor={cursor}")).await.faults(422), ["cursor"], "{query}");
    }
    let longer = user.get(&format!("/api/todos?sort=title&limit=200&cursor={cursor}")).await.json();
    assert_eq!(longer["items"].as_array().unwrap().len(), 3);
    let mut broken = cursor.to_owned();
    broken.truncate(cursor.len() - 3);
    assert_eq!(user.get(&format!("/api/todos?sort=title&cursor={broken}")).await.faults(422), ["cursor"]);
}
