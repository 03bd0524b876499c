//! Tasks from files: `POST /api/import`.

use crate::time::eventually;
use http::Method;
use it::{Answer, Client, someone};
use serde_json::{Value, json};

const LIST: &str = "(A) Call Mum +family due:2020-01-01\nx 2029-01-02 Buy milk @shop\nWater plants due:2031-01-01 rec:1w\n";

async fn import(user: &Client, query: &str, file: &str) -> Answer {
    let request = user.request(Method::POST, &format!("/api/import{query}"));
    user.send(request.header("content-type", "text/plain").body(file.to_owned())).await
}

async fn imported(user: &Client, query: &str, file: &str) -> Value {
    let answer = import(user, query, file).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_tasks_once() {
    let user = someone().await;
    let dry = imported(&user, "?dry_run=true", LIST).await;
    assert_eq!(dry, json!({"created": 3, "already": 0, "refused": [], "refused_count": 0}));
    assert!(user.all("/api/todos").await.is_empty(), "a dry run changes nothing");
    assert_eq!(imported(&user, "", LIST).await, dry);
    assert_eq!(imported(&user, "", LIST).await["already"], 3);
    let tasks = user.all("/api/todos?sort=title").await;
    let titles: Vec<&str> = tasks.iter().filter_map(|task| task["title"].as_str()).collect();
    assert_eq!(titles, ["Buy milk", "Call Mum", "Water plants"]);
    assert_eq!((&tasks[0]["completed"], &tasks[0]["tags"]), (&json!(true), &json!(["shop"])));
    assert_eq!((&tasks[1]["priority"], &tasks[1]["tags"]), (&json!("high"), &json!(["family"])));
    assert!(tasks[2]["recurrence"]["rrule"].as_str().unwrap().starts_with("FREQ=WEEKLY"));
    let history = user.history(tasks[0]["id"].as_str().unwrap()).await;
    let sources: Vec<_> = history.iter().map(|entry| (entry["event_type"].as_str(), entry["source"].as_str())).collect();
    assert_eq!(sources, [(Some("task.created"), Some("import"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_is_not_brought_back() {
    let user = someone().await;
    imported(&user, "", LIST).await;
    let tasks = user.all("/api/todos").await;
    let id = tasks[0]["id"].as_str().unwrap();
    assert_eq!(user.delete(&format!("/api/todos/{id}")).await.status, 204);
    assert_eq!(imported(&user, "", LIST).await["already"], 3);
    assert_eq!(user.all("/api/todos").await.len(), 2);
}

/// An id that two people's tasks had in common would be a reminder's, too: the second would hear of nothing.
#[tokio::test(flavor = "multi_thread")]
async fn two_people_import_one_file_and_both_are_reminded() {
    let (ada, bob) = (someone().await, someone().await);
    for user in [&ada, &bob] {
        assert_eq!(imported(user, "", LIST).await["created"], 3);
    }
    for user in [&ada, &bob] {
        let overdue = async || user.all("/api/notifications").await.into_iter().find(|notice| notice["title"] == "Call Mum");
        assert_eq!(eventually("a notice", overdue).await["kind"], "reminder.overdue");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_comes_back_into_another_account() {
    let (ada, bob) = (someone().await, someone().await);
    ada.task(&json!({"title": "Water plants", "due_date": "2031-01-01T18:00:00Z", "tags": ["home"],
        "recurrence": {"frequency": "daily", "interval": 2}}))
        .await;
    let export = ada.get("/api/account/export").await.text;
    assert_eq!(imported(&ada, "", &export).await["already"], 1, "it is one's own");
    assert_eq!(imported(&bob, "", &export).await["created"], 1);
    let (mine, theirs) = (ada.all("/api/todos").await.remove(0), bob.all("/api/todos").await.remove(0));
    assert_ne!(mine["id"], theirs["id"]);
    for field in ["title", "due_date", "tags", "recurrence"] {
        assert_eq!(mine[field], theirs[field], "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_named_and_the_rest_is_taken() {
    let user = someone().await;
    let file =
        format!("TYPE,CONTENT,PRIORITY,DATE\ntask,Bread,1,\ntask,{},4,\ntask,Milk,4,the day after never\n", "x".repeat(300));
    let answer = imported(&user, "?format=todoist", &file).await;
    assert_eq!((&answer["created"], &answer["refused_count"]), (&json!(1), &json!(2)));
    assert_eq!((&answer["refused"][0]["line"], &answer["refused"][1]["line"]), (&json!(3), &json!(4)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_what_it_is_said_to_be_says_so() {
    let user = someone().await;
    for (query, file) in
        [("", ""), ("?format=ics", LIST), ("?format=todoist", "BEGIN:VCALENDAR\nEND:VCALENDAR\n"), ("", "{\"tasks\": 7}")]
    {
        let detail = import(&user, query, file).await.problem(422)["errors"][0]["detail"].as_str().unwrap().to_owned();
        assert!(detail.len() > 20, "{query} {file}: {detail}");
    }
    let many = "Bread\n".repeat(2_001);
    assert!(import(&user, "?format=todo.txt", &many).await.text.contains("in parts"));
    assert!(user.all("/api/todos").await.is_empty());
}
