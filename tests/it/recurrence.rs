//! A task that recurs makes its successor when it is completed: once, in the future, at the same local time.

use crate::time::{eventually, traveller};
use it::{Client, someone};
use serde_json::{Value, json};

/// The successor of a task, once it is there.
pub async fn successor(user: &Client, task: &Value) -> Value {
    eventually("a successor", async || {
        let all = user.all("/api/todos?limit=200").await;
        all.into_iter().find(|other| other["parent_task_id"] == task["id"])
    })
    .await
}

/// How many tasks have this one as their parent, deleted ones left out.
async fn successors(user: &Client, task: &Value) -> usize {
    user.all("/api/todos?limit=200").await.iter().filter(|other| other["parent_task_id"] == task["id"]).count()
}

async fn complete(user: &Client, task: &Value, completed: bool) {
    let answer = user.complete(task["id"].as_str().unwrap(), completed).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Waits until the events of all that was done so far have been handled: a recurring task's completion behind them has.
async fn all_handled(user: &Client) {
    let marker = json!({"title": "marker", "due_date": "2030-01-01T00:00:00Z", "recurrence": {"frequency": "daily"}});
    let marker = user.task(&marker).await;
    complete(user, &marker, true).await;
    successor(user, &marker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn completing_a_recurring_task_creates_the_next_one_which_inherits() {
    let user = someone().await;
    let mut stream = user.stream(None).await;
    let task = user
        .task(&json!({
            "title": "Pay rent", "description": "by transfer", "tags": ["home"], "priority": "high", "reminder_minutes": 30,
            "due_date": "2031-03-01T09:00:00Z", "recurrence": {"frequency": "monthly"},
        }))
        .await;
    assert_eq!(task["series_id"], task["id"], "a series begins with its first task");
    complete(&user, &task, true).await;
    let next = successor(&user, &task).await;
    for field in ["title", "description", "tags", "priority", "recurrence", "reminder_minutes", "series_id"] {
        assert_eq!(next[field], task[field], "{field}");
    }
    assert_eq!((&next["due_date"], &next["completed"]), (&json!("2031-04-01T09:00:00Z"), &json!(false)));
    assert_ne!(next["id"], task["id"]);
    let changes = [stream.event().await, stream.event().await, stream.event().await];
    assert_eq!(changes.map(|event| event.data["change_type"].clone()), [json!("created"), json!("completed"), json!("created")]);
    let history = user.history(next["id"].as_str().unwrap()).await;
    assert_eq!((&history[0]["source"], &history[0]["actor"]["kind"]), (&json!("recurrence"), &json!("system")));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_and_changing_create_nothing() {
    let user = someone().await;
    let due = json!({"title": "Run", "due_date": "2031-03-01T09:00:00Z", "recurrence": {"frequency": "daily"}});
    let (deleted, changed) = (user.task(&due).await, user.task(&due).await);
    user.delete(&format!("/api/todos/{}", deleted["id"].as_str().unwrap())).await;
    user.patch(&format!("/api/todos/{}", changed["id"].as_str().unwrap()), &json!({"title": "Walk"})).await;
    all_handled(&user).await;
    assert_eq!((successors(&user, &deleted).await, successors(&user, &changed).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_06_complete_reopen_complete_makes_one_successor() {
    let user = someone().await;
    for from in ["due_date", "completion"] {
        let rule = json!({"frequency": "weekly", "from": from});
        let task = user.task(&json!({"title": from, "due_date": "2031-03-01T09:00:00Z", "recurrence": rule})).await;
        for completed in [true, false, true, false, true] {
            complete(&user, &task, completed).await;
        }
        let next = successor(&user, &task).await;
        all_handled(&user).await;
        assert_eq!(successors(&user, &task).await, 1);
        // Nor does one that was deleted come back.
        user.delete(&format!("/api/todos/{}", next["id"].as_str().unwrap())).await;
        complete(&user, &task, false).await;
        complete(&user, &task, true).await;
        all_handled(&user).await;
        assert_eq!(successors(&user, &task).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_07_the_31st_does_not_drift() {
    let (host, user) = traveller("2027-01-30T12:00:00Z").await;
    let mut task = user
        .task(&json!({"title": "Close the month", "due_date": "2027-01-31T18:00:00Z", "recurrence": {"frequency": "monthly"}}))
        .await;
    let mut dates = Vec::new();
    for _ in 0..12 {
        let due = task["due_date"].as_str().unwrap().to_owned();
        host.set_clock(&due).await;
        complete(&user, &task, true).await;
        task = successor(&user, &task).await;
        dates.push(task["due_date"].as_str().unwrap()[..10].to_owned());
    }
    assert_eq!(
        dates,
        [
            "2027-02-28",
            "2027-03-31",
            "2027-04-30",
            "2027-05-31",
            "2027-06-30",
            "2027-07-31",
            "2027-08-31",
            "2027-09-30",
            "2027-10-31",
            "2027-11-30",
            "2027-12-31",
            "2028-01-31",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_08_a_late_completion_gives_a_future_date() {
    let (host, user) = traveller("2027-03-01T08:00:00Z").await;
    let task = user
        .task(&json!({"title": "Water", "due_date": "2027-03-01T09:00:00Z", "recurrence": {"rrule": "FREQ=DAILY;INTERVAL=2", "time_zone": "UTC"}}))
        .await;
    host.set_clock("2027-03-10T10:00:00Z").await;
    complete(&user, &task, true).await;
    let next = successor(&user, &task).await;
    assert_eq!(next["due_date"], "2027-03-11T09:00:00Z", "the first date of the rule that is not past");
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_24_a_due_time_stays_where_it_is_when_the_clocks_change() {
    let (host, user) = traveller("2027-03-26T12:00:00Z").await;
    let rule = json!({"rrule": "FREQ=DAILY", "time_zone": "Europe/Berlin"});
    let mut task = user.task(&json!({"title": "Stand up", "due_date": "2027-03-26T08:00:00Z", "recurrence": rule})).await;
    let mut dates = Vec::new();
    for _ in 0..4 {
        complete(&user, &task, true).await;
        task = successor(&user, &task).await;
        let due = task["due_date"].as_str().unwrap().to_owned();
        host.set_clock(&due).await;
        dates.push(due);
    }
    // 09:00 in Berlin, which is 08:00 UTC in winter and 07:00 UTC from March 28 on.
    assert_eq!(dates, ["2027-03-27T08:00:00Z", "2027-03-28T07:00:00Z", "2027-03-29T07:00:00Z", "2027-03-30T07:00:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_ends_with_its_count_and_its_until() {
    let user = someone().await;
    for (rule, dates) in [("FREQ=DAILY;COUNT=3", 2), ("FREQ=DAILY;UNTIL=20310302T090000Z", 1)] {
        let recurrence = json!({"rrule": rule, "time_zone": "UTC"});
        let mut task = user.task(&json!({"title": rule, "due_date": "2031-03-01T09:00:00Z", "recurrence": recurrence})).await;
        for _ in 0..dates {
            complete(&user, &task, true).await;
            task = successor(&user, &task).await;
        }
        complete(&user, &task, true).await;
        all_handled(&user).await;
        assert_eq!(successors(&user, &task).await, 0, "{rule}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_completion_counts_from_the_local_date_of_completion() {
    let (host, user) = traveller("2027-05-01T08:00:00Z").await;
    let rule = json!({"frequency": "weekly", "from": "completion", "time_zone": "Europe/Berlin"});
    let task = user.task(&json!({"title": "Filter", "due_date": "2027-05-03T16:00:00Z", "recurrence": rule})).await;
    // 00:30 on May 13 in Berlin.
    host.set_clock("2027-05-12T22:30:00Z").await;
    complete(&user, &task, true).await;
    assert_eq!(successor(&user, &task).await["due_date"], "2027-05-20T16:00:00Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn this_one_and_this_and_following() {
    let user = someone().await;
    let body = json!({"title": "Gym", "due_date": "2031-03-03T18:00:00Z", "recurrence": {"frequency": "weekly"}});
    let task = user.task(&body).await;
    let path = format!("/api/todos/{}", task["id"].as_str().unwrap());
    let this = user.patch(&format!("{path}?series=this"), &json!({"title": "Swim", "due_date": "2031-03-05T18:00:00Z"})).await;
    assert_eq!((this.status.as_u16(), &this.json()["title"]), (200, &json!("Swim")));
    complete(&user, &task, true).await;
    let second = successor(&user, &task).await;
    assert_eq!((&second["title"], &second["due_date"]), (&json!("Gym"), &json!("2031-03-10T18:00:00Z")));

    let path = format!("/api/todos/{}", second["id"].as_str().unwrap());
    user.patch(&format!("{path}?series=following"), &json!({"title": "Row", "due_date": "2031-03-11T19:00:00Z"})).await;
    complete(&user, &second, true).await;
    let third = successor(&user, &second).await;
    assert_eq!((&third["title"], &third["due_date"]), (&json!("Row"), &json!("2031-03-18T19:00:00Z")));

    // To skip one is to delete this one: the next comes at once. To delete this and the following ends the series.
    let path = format!("/api/todos/{}", third["id"].as_str().unwrap());
    assert_eq!(user.delete(&format!("{path}?series=this")).await.status, 204);
    let fourth = successor(&user, &third).await;
    assert_eq!(fourth["due_date"], "2031-03-25T19:00:00Z");
    let path = format!("/api/todos/{}", fourth["id"].as_str().unwrap());
    assert_eq!(user.delete(&format!("{path}?series=following")).await.status, 204);
    all_handled(&user).await;
    assert_eq!(successors(&user, &fourth).await, 0);

    let plain = user.task(&json!({"title": "once"})).await;
    let path = format!("/api/todos/{}?series=this", plain["id"].as_str().unwrap());
    assert_eq!(user.patch(&path, &json!({"title": "x"})).await.faults(422), ["series"]);
    assert_eq!(user.delete(&path.replace("this", "all")).await.faults(422), ["series"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_gives_the_next_dates() {
    let user = someone().await;
    let preview = async |body: Value| user.post("/api/recurrence/preview", &body).await;
    let dates = preview(json!({"recurrence": {"frequency": "monthly"}, "due_date": "2027-01-31T09:00:00Z", "count": 3})).await;
    assert_eq!(dates.json(), json!({"occurrences": ["2027-02-28T09:00:00Z", "2027-03-31T09:00:00Z", "2027-04-30T09:00:00Z"]}));
    // A local time that is skipped moves forward by the gap, and is itself again the day after.
    let gap = json!({"recurrence": {"rrule": "FREQ=DAILY", "time_zone": "Europe/Berlin"}, "due_date": "2027-03-27T01:30:00Z", "count": 2});
    assert_eq!(preview(gap).await.json()["occurrences"], json!(["2027-03-28T01:30:00Z", "2027-03-29T00:30:00Z"]));
    for (bad, path) in [
        (json!({"rrule": "FREQ=SECONDLY", "time_zone": "UTC"}), "recurrence.rrule"),
        (json!({"rrule": "FREQ=DAILY;COUNT=1000000000", "time_zone": "UTC"}), "recurrence.rrule"),
        (json!({"rrule": "FREQ=DAILY;EXDATE=20270101", "time_zone": "UTC"}), "recurrence.rrule"),
        (json!({"rrule": "FREQ=DAILY", "time_zone": "Mars/Olympus"}), "recurrence.time_zone"),
        (json!({"rrule": "FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5", "time_zone": "UTC"}), "recurrence.rrule"),
    ] {
        let answer = preview(json!({"recurrence": bad, "due_date": "2027-01-31T09:00:00Z"})).await;
        assert_eq!(answer.faults(422), [path], "{bad}");
    }
    let never = json!({"recurrence": {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "time_zone": "UTC"}, "due_date": "2027-01-31T09:00:00Z"});
    assert_eq!(preview(never).await.json()["occurrences"], json!([]));
    let past =
        json!({"recurrence": {"rrule": "FREQ=DAILY;UNTIL=20000101", "time_zone": "UTC"}, "due_date": "2027-01-31T09:00:00Z"});
    assert_eq!(preview(past).await.json()["occurrences"], json!([]));
    assert_eq!(
        preview(json!({"recurrence": {"frequency": "daily"}, "due_date": "2027-01-31T09:00:00Z", "count": 101}))
            .await
            .faults(422),
        ["count"]
    );
    user.anonymous().post("/api/recurrence/preview", &json!({})).await.problem(401);
}
