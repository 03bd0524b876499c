//! What SPEC section 3 promises of batches and of retries.

use it::{Answer, Client, someone};
use serde_json::{Value, json};

async fn batch(user: &Client, operations: Vec<Value>) -> Answer {
    user.post("/api/todos/batch", &json!({"operations": operations})).await
}

async fn everything(user: &Client) -> Vec<Value> {
    user.all("/api/todos?limit=200").await
}

async fn create_once(user: &Client, key: &str, body: &Value) -> Answer {
    user.send(user.request(http::Method::POST, "/api/todos").header("Idempotency-Key", key).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_does_its_operations_in_order() {
    let user = someone().await;
    let old = user.task(&json!({"title": "old"})).await;
    let doomed = user.task(&json!({"title": "doomed"})).await;
    let answer = batch(
        &user,
        vec![
            json!({"op": "create", "task": {"title": "new", "priority": "high"}}),
            json!({"op": "update", "id": old["id"], "changes": {"title": "older", "tags": ["a"]}}),
            json!({"op": "complete", "id": old["id"], "completed": true}),
            json!({"op": "delete", "id": doomed["id"]}),
        ],
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let results = answer.json()["results"].as_array().unwrap().clone();
    assert_eq!(results.len(), 4);
    assert_eq!(results[0]["id"], results[0]["task"]["id"]);
    assert_eq!((&results[0]["task"]["title"], &results[0]["task"]["version"]), (&json!("new"), &json!(1)));
    assert_eq!((&results[1]["id"], &results[1]["task"]["title"]), (&old["id"], &json!("older")));
    assert_eq!((&results[2]["id"], &results[2]["task"]["completed"]), (&old["id"], &json!(true)));
    assert_eq!(results[3], json!({"id": doomed["id"], "task": null}));
    let history = user.history(old["id"].as_str().unwrap()).await;
    let types: Vec<_> = history.iter().map(|entry| entry["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["task.created", "task.updated", "task.completed"]);
    assert_eq!(everything(&user).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_done_whole_is_not_done_at_all() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let mut stream = user.stream(None).await;
    let good = json!({"op": "update", "id": task["id"], "changes": {"title": "changed"}});
    let unknown = "01890a5d-ac96-774b-bcce-b302099a0000";
    for (bad, status, path) in [
        (json!({"op": "complete", "id": unknown, "completed": true}), 404, None),
        (json!({"op": "delete", "id": "no uuid"}), 404, None),
        (json!({"op": "create", "task": {"title": ""}}), 422, Some("title")),
        (json!({"op": "create", "task": {"title": "y", "colour": "red"}}), 422, Some("colour")),
        (json!({"op": "create", "task": {"title": "y", "recurrence": {"frequency": "daily"}}}), 422, Some("recurrence")),
        (json!({"op": "update", "id": task["id"], "changes": {"completed": true}}), 422, Some("completed")),
        (json!({"op": "complete", "id": task["id"]}), 422, Some("completed")),
        (json!({"op": "explode", "id": task["id"]}), 422, Some("op")),
        (json!({"id": task["id"]}), 422, Some("op")),
        (json!("delete"), 422, None),
    ] {
        let answer = batch(&user, vec![json!({"op": "create", "task": {"title": "new"}}), good.clone(), bad.clone()]).await;
        let problem = answer.problem(status);
        assert_eq!(problem["operation"], 2, "{bad}: {problem}");
        if let Some(field) = path {
            let faults = answer.faults(status);
            assert!(faults.iter().any(|fault| fault.ends_with(field)), "{bad}: {faults:?}");
        }
    }
    assert_eq!(everything(&user).await, [task]);
    assert!(stream.silent(std::time::Duration::from_millis(300)).await, "nothing was published");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_operation_sees_what_an_earlier_one_did() {
    let user = someone().await;
    let task = user.task(&json!({"title": "x"})).await;
    let delete = json!({"op": "delete", "id": task["id"]});
    let problem = batch(&user, vec![delete.clone(), delete]).await.problem(404);
    assert_eq!(problem["operation"], 1);
    assert_eq!(user.get(&format!("/api/todos/{}", task["id"].as_str().unwrap())).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_has_at_most_a_hundred_operations() {
    let user = someone().await;
    let many = |count: usize| (0..count).map(|n| json!({"op": "create", "task": {"title": format!("{n}")}})).collect();
    assert_eq!(batch(&user, many(101)).await.faults(422), ["operations"]);
    assert_eq!(everything(&user).await.len(), 0);
    let answer = batch(&user, many(100)).await;
    assert_eq!(answer.json()["results"].as_array().unwrap().len(), 100);
    assert_eq!(batch(&user, Vec::new()).await.json(), json!({"results": []}));
    assert_eq!(everything(&user).await.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_of_a_batch_come_in_its_order() {
    let user = someone().await;
    let mut stream = user.stream(None).await;
    let operations = (0..20).map(|n| json!({"op": "create", "task": {"title": format!("{n}")}})).collect();
    let results = batch(&user, operations).await.json();
    for (number, result) in results["results"].as_array().unwrap().iter().enumerate() {
        let event = stream.event().await;
        assert_eq!((event.id, &event.data["task_id"]), ((number + 1).to_string(), &result["id"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_with_its_key_gets_the_first_answer() {
    let user = someone().await;
    let body = json!({"title": "once"});
    let (first, again) = (create_once(&user, "k-1", &body).await, create_once(&user, "k-1", &body).await);
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201), "{}", again.text);
    assert_eq!(first.json(), again.json());
    for header in ["location", "etag", "content-type"] {
        assert_eq!(first.header(header), again.header(header), "{header}");
    }
    user.put(first.header("location").unwrap(), &json!({"title": "changed"})).await;
    assert_eq!(create_once(&user, "k-1", &body).await.json(), first.json(), "the answer, not the task of today");
    assert_ne!(create_once(&user, "k-2", &body).await.json()["id"], first.json()["id"]);
    assert_eq!(everything(&user).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_another_body_is_refused() {
    let user = someone().await;
    assert_eq!(create_once(&user, "k", &json!({"title": "one"})).await.status, 201);
    create_once(&user, "k", &json!({"title": "two"})).await.problem(422);
    assert_eq!(everything(&user).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_does_not_use_up_its_key() {
    let user = someone().await;
    create_once(&user, "k", &json!({"title": ""})).await.problem(422);
    assert_eq!(create_once(&user, "k", &json!({"title": "x"})).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_at_the_same_time_create_one_task() {
    let user = someone().await;
    let body = json!({"title": "once"});
    let answers = futures::future::join_all((0..12).map(|_| create_once(&user, "k", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (201, &answers[0].json()["id"]), "{}", answer.text);
    }
    assert_eq!(everything(&user).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_answer_survives_a_restart() {
    let mut host = it::Host::start();
    let user = host.someone().await;
    let body = json!({"title": "once"});
    let first = create_once(&user, "k", &body).await;
    host.kill();
    host.restart(&it::Options::default());
    assert_eq!(create_once(&user, "k", &body).await.json(), first.json());
    assert_eq!(everything(&user).await.len(), 1);
}
