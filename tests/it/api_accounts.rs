//! What SPEC section 3 promises of accounts: signing up, in and out, cookies, wrong passwords.

use http::Method;
use it::client::PASSWORD;
use it::{Answer, Client, Host, Options, anyone, shared, someone};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

fn fresh_address() -> String {
    format!("{}@Example.org", Uuid::now_v7().simple())
}

pub async fn sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.post("/api/auth/sign-in", &json!({"email": email, "password": password})).await
}

/// What a browser would send back.
pub fn cookie(answer: &Answer) -> String {
    let set = answer.header("set-cookie").expect("a cookie");
    set.split(';').next().expect("a pair").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_up_signs_in() {
    let (host, email) = (shared(), fresh_address());
    let client = host.client();
    let body = json!({"email": email, "password": PASSWORD, "name": "Ada"});
    let answer = client.post("/api/auth/sign-up", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let signed_in = answer.json();
    assert_eq!((&signed_in["token_type"], &signed_in["user"]["name"]), (&json!("Bearer"), &json!("Ada")));
    assert_eq!(signed_in["user"]["email"].as_str().unwrap().to_lowercase(), email.to_lowercase());
    assert!(signed_in["expires_in"].as_u64().unwrap() > 60);
    let set = answer.header("set-cookie").unwrap();
    assert!(
        set.starts_with("tidings_session=") && set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"),
        "{set}"
    );
    let me = client.with_token(signed_in["access_token"].as_str().unwrap()).get("/api/auth/me").await;
    assert_eq!((me.status.as_u16(), me.json()), (200, signed_in["user"].clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_can_sign_up_once_however_it_is_written() {
    let (client, email) = (anyone(), fresh_address());
    client.sign_up(&email).await;
    for again in [email.clone(), email.to_lowercase(), email.to_uppercase()] {
        client.post("/api/auth/sign-up", &json!({"email": again, "password": PASSWORD})).await.problem(409);
        assert_eq!(sign_in(&client, &again, PASSWORD).await.status, 200, "{again}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_sign_ups_for_one_address_one_succeeds() {
    let (client, email) = (anyone(), fresh_address());
    let body = json!({"email": email, "password": PASSWORD});
    let answers = futures::future::join_all((0..6).map(|_| client.post("/api/auth/sign-up", &body))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_names_what_is_wrong() {
    let client = anyone();
    for (field, value) in [
        ("email", json!("nobody")),
        ("email", json!("a@b@c")),
        ("email", json!("a b@example.org")),
        ("email", json!("")),
        ("password", json!("short")),
        ("password", json!("")),
        ("name", json!(5)),
        ("age", json!(5)),
    ] {
        let mut body = json!({"email": fresh_address(), "password": PASSWORD});
        body[field] = value;
        assert_eq!(client.post("/api/auth/sign-up", &body).await.faults(422), [field], "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_taken_to_the_letter() {
    let (client, email) = (anyone(), fresh_address());
    let password = "  Pässwörd 🦀  ";
    let answer = client.post("/api/auth/sign-up", &json!({"email": email, "password": password})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(sign_in(&client, &email, password).await.status, 200);
    sign_in(&client, &email, password.trim()).await.problem(401);
    sign_in(&client, &email, &password.to_lowercase()).await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_an_unknown_address_are_the_same_401_after_the_same_work() {
    let host = Host::start();
    let client = host.client();
    client.sign_up("ada@example.org").await;
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    let mut told = Vec::new();
    for n in 0..4 {
        for (times, email) in [(&mut wrong, "ada@example.org".to_owned()), (&mut unknown, format!("nobody{n}@example.org"))] {
            let begun = Instant::now();
            let answer = sign_in(&client, &email, "a wrong password").await;
            times.push(begun.elapsed());
            let mut problem = answer.problem(401);
            problem.as_object_mut().unwrap().remove("request_id");
            told.push((problem, answer.header("www-authenticate").map(str::to_owned)));
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    let fastest = |times: &[Duration]| times.iter().min().copied().unwrap();
    let (wrong, unknown) = (fastest(&wrong), fastest(&unknown));
    assert!(unknown * 2 > wrong && wrong * 2 > unknown, "{wrong:?} for a wrong password, {unknown:?} for an unknown address");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_cookie_and_the_bearer_token_and_no_other_sign_in() {
    let host = shared();
    let user = host.someone().await;
    let other = sign_in(&user, &user.email, PASSWORD).await;
    let answer = sign_in(&user.anonymous(), &user.email, PASSWORD).await;
    let (pair, token) = (cookie(&answer), answer.json()["access_token"].as_str().unwrap().to_owned());
    let (by_token, browser) = (user.with_token(&token), user.anonymous());
    let by_cookie = async || browser.send(browser.request(Method::GET, "/api/todos").header("Cookie", &pair)).await.status;
    assert_eq!((by_token.get("/api/todos").await.status.as_u16(), by_cookie().await.as_u16()), (200, 200));
    let out = browser.request(Method::POST, "/api/auth/sign-out").header("Cookie", &pair);
    let out = browser.send(out.header("Sec-Fetch-Site", "same-origin")).await;
    assert_eq!(out.status, 204, "{}", out.text);
    let cleared = out.header("set-cookie").unwrap();
    assert!(cleared.starts_with("tidings_session=;") && cleared.contains("Max-Age=0"), "{cleared}");
    by_token.get("/api/todos").await.problem(401);
    assert_eq!(by_cookie().await, 401);
    by_token.post("/api/auth/sign-out", &Value::Null).await.problem(401);
    let other = other.json()["access_token"].as_str().unwrap().to_owned();
    for still in [user.clone(), user.with_token(&other)] {
        assert_eq!(still.get("/api/todos").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_reads_and_writes_only_from_its_own_origin() {
    let host = shared();
    let user = host.someone().await;
    let pair = cookie(&sign_in(&user, &user.email, PASSWORD).await);
    let browser = user.anonymous();
    let with = |method: Method, headers: &[(&str, &str)]| {
        let mut request = browser.request(method.clone(), "/api/todos").header("Cookie", &pair);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = if method == Method::POST { request.json(&json!({"title": "x"})) } else { request };
        browser.send(request)
    };
    let own = host.public.as_str();
    assert_eq!(with(Method::GET, &[]).await.status, 200, "a read needs no origin");
    for good in [[("Sec-Fetch-Site", "same-origin")], [("Origin", own)]] {
        assert_eq!(with(Method::POST, &good).await.status, 201, "{good:?}");
    }
    for bad in [
        &[][..],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "nonsense")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
        &[("Origin", "")],
        &[("Origin", &format!("{own}.evil.example"))],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", own)],
    ] {
        with(Method::POST, bad).await.problem(403);
    }
    assert_eq!(user.all("/api/todos?limit=50").await.len(), 2);
    for wrong in ["tidings_session=nonsense", "tidings_session=", "session=x", "tidings_session"] {
        let answer = browser.send(browser.request(Method::GET, "/api/todos").header("Cookie", wrong)).await;
        answer.problem(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_may_come_from_any_origin() {
    let user = someone().await;
    let request = user.request(Method::POST, "/api/todos").header("Origin", "https://other.example");
    let answer = user.send(request.header("Sec-Fetch-Site", "cross-site").json(&json!({"title": "x"}))).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_authorization_headers_are_a_400() {
    let user = someone().await;
    let token = user.token.clone().unwrap();
    for second in [format!("Bearer {token}"), "Bearer nonsense".to_owned(), "Basic eDp5".to_owned()] {
        user.send(user.request(Method::GET, "/api/todos").header("Authorization", second)).await.problem(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_outlives_a_restart() {
    let mut host = Host::start();
    let user = host.someone().await;
    host.kill();
    host.restart(&Options::default());
    assert_eq!(user.get("/api/auth/me").await.status, 200);
    assert_eq!(sign_in(&user, &user.email, PASSWORD).await.status, 200);
}
