//! Guessing passwords: the eleventh failure within a minute is told to wait. Each test has a host, and so a count, of its own.

use it::client::PASSWORD;
use it::{Answer, Host};
use serde_json::json;

/// Signs in from one of loopback's addresses, each a peer of its own.
async fn sign_in(host: &Host, peer: u8, email: &str, password: &str) -> Answer {
    let http = reqwest::Client::builder().no_proxy().local_address(std::net::IpAddr::from([127, 0, 0, peer]));
    let http = http.build().expect("a client");
    let client = host.client();
    let request = http.post(format!("{}/api/auth/sign-in", client.base));
    client.send(request.json(&json!({"email": email, "password": password}))).await
}

fn throttled(answer: &Answer) {
    answer.problem(429);
    let wait: u32 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eleventh_failure_for_one_address_is_a_429() {
    let host = Host::start();
    host.client().sign_up("ada@example.org").await;
    for n in 0..10 {
        sign_in(&host, 10 + n, "ada@example.org", "wrong").await.problem(401);
    }
    throttled(&sign_in(&host, 50, "ada@example.org", "wrong").await);
    throttled(&sign_in(&host, 51, "ADA@example.org", "wrong").await);
    sign_in(&host, 52, "bob@example.org", "wrong").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eleventh_failure_of_one_peer_is_a_429() {
    let host = Host::start();
    host.client().sign_up("ada@example.org").await;
    for n in 0..10 {
        sign_in(&host, 2, &format!("nobody{n}@example.org"), "wrong").await.problem(401);
    }
    throttled(&sign_in(&host, 2, "somebody@example.org", "wrong").await);
    assert_eq!(sign_in(&host, 3, "ada@example.org", PASSWORD).await.status, 200, "another peer");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_throttled_like_a_known_one() {
    let host = Host::start();
    for n in 0..10 {
        sign_in(&host, 10 + n, "nobody@example.org", "wrong").await.problem(401);
    }
    throttled(&sign_in(&host, 50, "nobody@example.org", "wrong").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_and_bad_tokens_do_not_count() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let wrong = ada.with_token("nonsense");
    for _ in 0..30 {
        wrong.get("/api/todos").await.problem(401);
        ada.post("/api/auth/sign-up", &json!({"email": "ada@example.org", "password": PASSWORD})).await.problem(409);
    }
    for n in 0..10 {
        assert_eq!(sign_in(&host, 1, "ada@example.org", PASSWORD).await.status, 200, "right passwords do not count, either: {n}");
    }
    for _ in 0..10 {
        sign_in(&host, 1, "ada@example.org", "wrong").await.problem(401);
    }
    throttled(&sign_in(&host, 1, "ada@example.org", "wrong").await);
    host.user("eve").await;
    assert_eq!(ada.get("/api/todos").await.status, 200, "who is signed in stays so");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_made_side_by_side_are_counted_too() {
    let host = Host::start();
    host.user("ada").await;
    let guesses = (0..30).map(|n| sign_in(&host, 10 + n, "ada@example.org", "wrong"));
    let answers = futures::future::join_all(guesses).await;
    let told = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(told, 10);
    assert!(answers.iter().filter(|answer| answer.status != 401).all(|answer| answer.status == 429));
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_by_deleting_the_account_counts_too() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let guess = || ada.send(ada.request(http::Method::DELETE, "/api/account").json(&json!({"password": "wrong"})));
    for _ in 0..10 {
        guess().await.problem(401);
    }
    throttled(&guess().await);
    assert_eq!(ada.get("/api/auth/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_by_changing_the_password_counts_too() {
    let host = Host::start();
    let ada = host.user("ada").await;
    let change = async |current: &str| {
        ada.put("/api/account/password", &json!({"current_password": current, "new_password": "another horse"})).await
    };
    for _ in 0..10 {
        change("wrong").await.problem(401);
    }
    throttled(&change("wrong").await);
    throttled(&change(PASSWORD).await);
    throttled(&sign_in(&host, 2, "ada@example.org", PASSWORD).await);
    assert_eq!(ada.get("/api/auth/me").await.status, 200);
}
