//! What SPEC section 3 promises of a new password: who is out, and who stays.

use crate::api_accounts::{cookie, sign_in};
use crate::fixture::token;
use http::Method;
use it::client::PASSWORD;
use it::{Answer, Client, Host, someone};
use serde_json::{Value, json};
use std::time::Duration;

const ANOTHER: &str = "another horse battery staple";

async fn change(user: &Client, current: &str, new: &str) -> Answer {
    user.put("/api/account/password", &json!({"current_password": current, "new_password": new})).await
}

/// Whether the password signs the user in.
async fn lets_in(user: &Client, password: &str) -> bool {
    let answer = sign_in(&user.anonymous(), &user.email, password).await;
    if answer.status != 200 {
        answer.problem(401);
    }
    answer.status == 200
}

/// The same user, by another sign-in.
async fn elsewhere(user: &Client) -> Client {
    let answer = sign_in(&user.anonymous(), &user.email, PASSWORD).await;
    user.with_token(answer.json()["access_token"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_every_other_sign_in_and_leaves_the_one_that_asks() {
    let host = Host::start();
    let (user, bob) = (host.user("ada").await, host.user("bob").await);
    let other = elsewhere(&user).await;
    let program = user.with_token(&token(&user, &["tasks:read"]).await.1);
    let (mut own, mut others, mut programs) = (user.stream(None).await, other.stream(None).await, program.stream(None).await);
    let answer = change(&user, PASSWORD, ANOTHER).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str(), answer.header("set-cookie")), (204, "", None));
    other.get("/api/todos").await.problem(401);
    assert!(others.ends(Duration::from_secs(5)).await, "the stream outlives its sign-in");
    assert!(!lets_in(&user, PASSWORD).await && lets_in(&user, ANOTHER).await);
    user.task(&json!({"title": "x"})).await;
    assert_eq!(own.event().await, programs.event().await);
    assert_eq!(program.get("/api/todos").await.status, 200);
    assert_eq!(bob.get("/api/todos").await.status, 200);
    assert!(lets_in(&bob, PASSWORD).await);
    assert_eq!(change(&user, ANOTHER, ANOTHER).await.status, 204, "the same once more is allowed");
    assert!(lets_in(&user, ANOTHER).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_stays_signed_in_and_every_other_is_out() {
    let user = someone().await;
    let mut cookies = Vec::new();
    for _ in 0..2 {
        cookies.push(cookie(&sign_in(&user, &user.email, PASSWORD).await));
    }
    let browser = user.anonymous();
    let reads = async |cookie: &str| browser.send(browser.request(Method::GET, "/api/todos").header("Cookie", cookie)).await;
    let body = json!({"current_password": PASSWORD, "new_password": ANOTHER});
    let changes = async |site: &str| {
        let request = browser.request(Method::PUT, "/api/account/password").header("Cookie", &cookies[0]);
        browser.send(request.header("Sec-Fetch-Site", site).json(&body)).await
    };
    changes("cross-site").await.problem(403);
    assert_eq!(reads(&cookies[1]).await.status, 200);
    assert_eq!(changes("same-origin").await.status, 204);
    assert_eq!(reads(&cookies[0]).await.status, 200);
    reads(&cookies[1]).await.problem(401);
    user.get("/api/todos").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_password_is_needed() {
    let host = Host::start();
    let user = host.user("ada").await;
    let other = elsewhere(&user).await;
    let refused = change(&user, "wrong", ANOTHER).await;
    let leaving = user.request(Method::DELETE, "/api/account").json(&json!({"password": "wrong"}));
    assert_eq!(refused.problem(401)["type"], user.send(leaving).await.problem(401)["type"]);
    assert!(refused.header("www-authenticate").is_some());
    assert!(lets_in(&user, PASSWORD).await && !lets_in(&user, ANOTHER).await);
    assert_eq!(other.get("/api/todos").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_password_names_what_is_wrong() {
    let user = someone().await;
    for (field, value) in [
        ("current_password", json!(5)),
        ("current_password", Value::Null),
        ("new_password", json!("short")),
        ("new_password", json!("x".repeat(1_025))),
        ("new_password", json!([ANOTHER])),
        ("user_id", json!("somebody")),
    ] {
        let mut body = json!({"current_password": PASSWORD, "new_password": ANOTHER});
        body[field] = value;
        assert_eq!(user.put("/api/account/password", &body).await.faults(422), [field], "{body}");
    }
    assert_eq!(user.put("/api/account/password", &json!({})).await.faults(422), ["current_password", "new_password"]);
    assert!(lets_in(&user, PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_the_scope_and_then_ends_all_sign_ins() {
    let user = someone().await;
    let program = user.with_token(&token(&user, &["tasks:write"]).await.1);
    let manager = user.with_token(&token(&user, &["account"]).await.1);
    change(&program, PASSWORD, ANOTHER).await.problem(403);
    assert!(lets_in(&user, PASSWORD).await);
    let mut stream = user.stream(None).await;
    assert_eq!(change(&manager, PASSWORD, ANOTHER).await.status, 204);
    user.get("/api/todos").await.problem(401);
    assert!(stream.ends(Duration::from_secs(5)).await, "the stream outlives its sign-in");
    assert_eq!(program.get("/api/todos").await.status, 200);
    assert_eq!(manager.get("/api/tokens").await.json()["items"].as_array().map(Vec::len), Some(2));
    assert!(lets_in(&user, ANOTHER).await);
}
