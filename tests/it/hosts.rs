//! Several hosts on one database: whichever a client comes to, it is the same Tidings.

use crate::time::{at, eventually, lasting};
use futures::future::join_all;
use it::client::PASSWORD;
use it::{Client, Host, Options, SHARED, host, only};
use parts::Postgres;
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};

/// Hosts that share a database, which begin as the first of these options say; none: this set-up has one host.
fn together<const N: usize>(options: Options) -> Option<[Host; N]> {
    if !only(SHARED, "several hosts on one database") {
        return None;
    }
    let first = Host::start_with(&options);
    let beside = Options { beside: Some(first.place().clone()), ..options };
    let mut first = Some(first);
    Some([(); N].map(|()| first.take().unwrap_or_else(|| Host::start_with(&beside))))
}

/// The same user at another host.
fn at_host(user: &Client, host: &Host) -> Client {
    user.at(&host.public)
}

/// Failure 13: two stream replicas share a consumer group, and half the clients see nothing.
#[tokio::test(flavor = "multi_thread")]
async fn failure_13_a_change_through_one_host_is_on_the_streams_of_all() {
    let Some(hosts) = together::<3>(Options::default()) else { return };
    let user = hosts[0].someone().await;
    let here: Vec<Client> = hosts.iter().map(|host| at_host(&user, host)).collect();
    let mut streams = join_all(here.iter().map(|client| client.stream(None))).await;
    let mut expected = 0;
    for round in 0..10 {
        for client in &here {
            expected += 1;
            let begun = Instant::now();
            client.task(&json!({"title": format!("round {round}")})).await;
            for stream in &mut streams {
                assert_eq!(stream.event().await.id, expected.to_string());
            }
            assert!(begun.elapsed() < Duration::from_secs(2), "told, not found by looking: {:?}", begun.elapsed());
        }
    }
    // A client that was away resumes at another host.
    let mut resumed = here[2].stream(Some("25")).await;
    for number in 26..=expected {
        assert_eq!(resumed.event().await.id, number.to_string());
    }
}

/// Failure 17: a stream that outlives its token, here at another host than the one at which the token is ended.
#[tokio::test(flavor = "multi_thread")]
async fn failure_17_what_ends_at_one_host_ends_its_streams_at_all() {
    let Some([here, there]) = together::<2>(Options::default()) else { return };
    let user = here.someone().await;
    let email = user.get("/api/auth/me").await.json()["email"].as_str().unwrap().to_owned();
    let sign_in = json!({"email": email, "password": PASSWORD});
    let another = async || {
        let answer = here.client().post("/api/auth/sign-in", &sign_in).await.json();
        here.client().with_token(answer["access_token"].as_str().unwrap())
    };
    let token = user.post("/api/tokens", &json!({"name": "x", "scopes": ["tasks:read"]})).await.json();
    let program = user.with_token(token["token"].as_str().unwrap());
    let (leaving, old) = (another().await, another().await);
    let opened = [&user, &leaving, &old, &program].map(|client| at_host(client, &there));
    let streams = join_all(opened.iter().map(|client| client.stream(None))).await;
    let Ok([mut own, mut left, mut outdated, mut revoked]) = <[_; 4]>::try_from(streams) else { unreachable!() };
    let soon = Duration::from_secs(5);

    assert_eq!(leaving.send(leaving.request(Method::POST, "/api/auth/sign-out")).await.status, 204);
    assert!(left.ends(soon).await, "signed out");
    let id = token["id"].as_str().unwrap();
    assert_eq!(user.delete(&format!("/api/tokens/{id}")).await.status, 204);
    assert!(revoked.ends(soon).await, "revoked");
    let change = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    assert_eq!(user.put("/api/account/password", &change).await.status, 204);
    assert!(outdated.ends(soon).await, "the password is another");
    user.task(&json!({"title": "still here"})).await;
    assert_eq!(own.event().await.id, "1", "what has not ended goes on");
    let body = json!({"password": "another horse battery"});
    assert_eq!(user.send(user.request(Method::DELETE, "/api/account").json(&body)).await.status, 204);
    assert!(own.ends(soon).await, "the account is gone");
}

/// Failure 10: two schedulers, two notifications.
#[tokio::test(flavor = "multi_thread")]
async fn failure_10_hosts_side_by_side_give_each_reminder_and_make_each_successor_once() {
    let Some(mut hosts) = together::<3>(at("2027-05-01T08:00:00Z")) else { return };
    let user = lasting(hosts[0].someone().await).await;
    let due = "2027-05-01T12:00:00Z";
    let mut recurring = Vec::new();
    for n in 0..30 {
        user.task(&json!({"title": format!("due {n}"), "due_date": due, "reminder_minutes": 0})).await;
        let daily = json!({"title": "daily", "due_date": "2031-05-01T12:00:00Z", "reminder_minutes": null, "recurrence": {"frequency": "daily"}});
        recurring.push(user.task(&daily).await["id"].as_str().unwrap().to_owned());
    }
    join_all(hosts.iter().map(|host| host.set_clock(due))).await;
    for (n, id) in recurring.iter().enumerate() {
        assert_eq!(at_host(&user, &hosts[n % 3]).complete(id, true).await.status, 200);
    }
    // One dies on the way; another takes over what it left.
    hosts[1].kill();
    let unread = async || user.get("/api/notifications/unread-count").await.json()["count"].as_u64().unwrap();
    eventually("60 notifications", async || (unread().await >= 60).then_some(())).await;
    eventually("30 successors", async || (user.all("/api/todos?limit=200").await.len() >= 90).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((unread().await, user.all("/api/todos?limit=200").await.len()), (60, 90));
    assert_eq!(hosts[2].events(Some("reminders")).len(), 60);
    assert!(hosts[0].events(Some("task-events.dlq")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_at_one_host_holds_at_all_and_ends_at_all() {
    let Some(hosts) = together::<2>(Options::default()) else { return };
    let user = hosts[0].someone().await;
    let there = at_host(&user, &hosts[1]);
    assert_eq!(there.get("/api/auth/me").await.status, 200);
    let (status, token, error) = hosts[1].cli(&["token", "--user", &user.email]);
    assert_eq!(status, 0, "{error}");
    assert_eq!(user.with_token(token.trim()).get("/api/auth/me").await.status, 200);
    assert_eq!(there.post("/api/auth/sign-out", &json!({})).await.status, 204);
    assert_eq!(user.get("/api/auth/me").await.status, 401);
    let again = there.anonymous().post("/api/auth/sign-in", &json!({"email": user.email, "password": PASSWORD})).await;
    assert_eq!(again.status, 200, "{}", again.text);
    // Without a running host, the key of the database is used all the same.
    let mut hosts = hosts;
    let ended = hosts[1].stop();
    assert!(ended);
    let (status, token, error) = hosts[1].cli(&["token", "--user", &user.email]);
    assert_eq!(status, 0, "{error}");
    assert_eq!(user.with_token(token.trim()).get("/api/auth/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_a_503_and_readiness_says_why() {
    if !only(SHARED, "a database of its own") {
        return;
    }
    let mut server = Postgres::start().expect("PostgreSQL");
    let url = server.database().expect("a database");
    let host = Host::start_with(&Options { env: vec![("TIDINGS_DATABASE_URL".to_owned(), url)], ..Options::default() });
    let user = host.someone().await;
    let kept = user.task(&json!({"title": "kept"})).await;
    let path = format!("/api/todos/{}", kept["id"].as_str().unwrap());
    let ops = Client::new(&host.ops);
    server.kill();
    for answer in [user.get(&path).await, user.post("/api/todos", &json!({"title": "lost"})).await, ops.get("/readyz").await] {
        let problem = answer.problem(503);
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("database")), "{problem}");
    }
    server.restart().expect("PostgreSQL again");
    eventually("ready by itself", async || (ops.get("/readyz").await.status == 200).then_some(())).await;
    assert_eq!(user.get(&path).await.json(), kept);
    user.task(&json!({"title": "after"})).await;
    assert_eq!(user.all("/api/todos").await.len(), 2);
    assert!(!host.log().contains("cret"), "the password is in no log");
}

#[test]
fn commands_name_the_database_and_never_its_password() {
    if !only(SHARED, "a database") {
        return;
    }
    let server = Postgres::shared().expect("PostgreSQL");
    let url = server.database().expect("a database");
    let (folder, name) = (tempfile::tempdir().unwrap(), url.rsplit('/').next().unwrap().to_owned());
    let data = folder.path().display().to_string();
    let tables = || server.sql(&url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap();
    let command = |args: &[&str], url: &str| {
        host::cli_with(&[args, &["--data", &data]].concat(), vec![("TIDINGS_DATABASE_URL", url.to_owned())])
    };
    let (status, out, error) = command(&["check"], &url);
    assert_eq!(status, 0, "{error}");
    assert!(out.contains(&format!("database: {name} on 127.0.0.1")), "{out}");
    assert_eq!(tables(), "0", "checking changes nothing");
    let (status, out, error) = command(&["migrate"], &url);
    assert_eq!(status, 0, "{error}");
    assert!(out.contains(&format!("{name} on 127.0.0.1")) && tables() != "0", "{out}");
    for wrong in [url.replace("tidings:se", "tidings:x"), server.url("nothing"), url.replace("127.0.0.1", "nowhere.invalid")] {
        for args in [&["up", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"][..], &["check"], &["migrate"]] {
            let (status, out, error) = command(args, &wrong);
            assert_eq!(status, 1, "{args:?}: {error}");
            let all = format!("{out}{error}");
            assert!(all.contains("TIDINGS_DATABASE_URL") && !all.contains("cret"), "{all}");
        }
    }
}

/// Replicas say what they run, and readiness shows where that differs.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_run_different_components_say_so() {
    let Some([here, there]) = together::<2>(Options::default()) else { return };
    let differs = async |host: &Host| {
        let ready = Client::new(&host.ops).get("/readyz").await;
        assert_eq!(ready.status, 200, "it serves all the same");
        ready.json()["differs"][0].as_str().map(str::to_owned)
    };
    let folder = tempfile::tempdir().unwrap();
    let other = crate::swap::shouting(&folder, "todos");
    tokio::task::block_in_place(|| assert_eq!(here.cli(&["swap", "todos", &other]).0, 0));
    for host in [&here, &there] {
        let sentence = eventually("the difference is said", async || differs(host).await).await;
        assert!(sentence.starts_with("todos is sha256:") && sentence.contains("another on 1 of"), "{sentence}");
    }
    tokio::task::block_in_place(|| assert_eq!(here.cli(&["swap", "todos", "--rollback"]).0, 0));
    for host in [&here, &there] {
        eventually("all run the same again", async || differs(host).await.is_none().then_some(())).await;
    }
}
