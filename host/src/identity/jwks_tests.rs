//! Tokens of an external issuer against its real JWK set, served over a real socket, with keys made for this.

use super::external::External;
use super::testing::FixedClock;
use super::*;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, extract::State};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::sync::Mutex;

const NOW: i64 = 1_900_000_000_000;

/// The issuer's end: what it answers, and how often it was asked.
struct Issuer {
    answer: Mutex<(StatusCode, String)>,
    asked: Mutex<usize>,
}

struct World {
    issuer: Arc<Issuer>,
    clock: Arc<FixedClock>,
    external: Arc<External>,
    tasks: Tasks,
}

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(include_bytes!("testdata/rsa.der"))
}

fn ec() -> EncodingKey {
    EncodingKey::from_ec_der(include_bytes!("testdata/ec.der"))
}

fn ed() -> EncodingKey {
    EncodingKey::from_ed_der(include_bytes!("testdata/ed.der"))
}

/// The public half, as the issuer publishes it.
fn jwk(key: &EncodingKey, alg: Algorithm, kid: &str) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, alg).unwrap()).unwrap();
    jwk["kid"] = json!(kid);
    jwk
}

fn all_keys() -> Vec<Value> {
    vec![jwk(&rsa(), Algorithm::RS256, "r"), jwk(&ec(), Algorithm::ES256, "e"), jwk(&ed(), Algorithm::EdDSA, "d")]
}

fn claims() -> Value {
    json!({"iss": "issuer", "aud": "us", "sub": "alice", "exp": NOW / 1000 + 100_000})
}

fn token(alg: Algorithm, key: &EncodingKey, kid: Option<&str>) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(alg) };
    jsonwebtoken::encode(&header, &claims(), key).unwrap()
}

async fn world(keys: Vec<Value>) -> World {
    let issuer =
        Arc::new(Issuer { answer: Mutex::new((StatusCode::OK, json!({"keys": keys}).to_string())), asked: Mutex::new(0) });
    let router = Router::new().route("/jwks", get(answer)).with_state(issuer.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    let (tasks, clock) = (Tasks::default(), FixedClock::at(NOW));
    tasks.spawn("issuer", async move { axum::serve(listener, router).await });
    let config = ExternalIssuer::from_options(Some("issuer".into()), Some("us".into()), Some(url), None).unwrap().unwrap();
    let external = Arc::new(External::new(config, clock.clone(), tasks.clone()).unwrap());
    World { issuer, clock, external, tasks }
}

async fn answer(State(issuer): State<Arc<Issuer>>) -> axum::response::Response {
    *issuer.asked.lock().unwrap() += 1;
    let (status, body) = issuer.answer.lock().unwrap().clone();
    (status, [("location", "https://evil.example/")], body).into_response()
}

impl World {
    async fn check(&self, token: &str) -> Result<Principal, Denied> {
        self.external.check(token, self.clock.now()).await
    }

    fn publish(&self, keys: &[Value]) {
        self.answers(StatusCode::OK, json!({"keys": keys}).to_string());
    }

    fn answers(&self, status: StatusCode, body: String) {
        *self.issuer.answer.lock().unwrap() = (status, body);
    }

    fn asked(&self) -> usize {
        *self.issuer.asked.lock().unwrap()
    }
}

#[tokio::test]
async fn each_algorithm_signs_in_and_the_keys_are_fetched_once() {
    let world = world(all_keys()).await;
    for (alg, key, kid) in [(Algorithm::RS256, rsa(), "r"), (Algorithm::ES256, ec(), "e"), (Algorithm::EdDSA, ed(), "d")] {
        assert_eq!(world.check(&token(alg, &key, Some(kid))).await.unwrap().user.as_str(), "alice", "{alg:?}");
        assert!(world.check(&token(alg, &key, None)).await.is_ok(), "{alg:?}: without an id, the only key of its kind");
    }
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn rfc8725_2_1_a_public_key_is_no_secret() {
    let world = world(all_keys()).await;
    let Value::String(n) = &all_keys()[0]["n"] else { panic!("no modulus") };
    for secret in
        [n.as_bytes().to_vec(), json!(all_keys()[0]).to_string().into_bytes(), include_bytes!("testdata/rsa.der").to_vec()]
    {
        for kid in [Some("r"), None] {
            let confused = token(Algorithm::HS256, &EncodingKey::from_secret(&secret), kid);
            assert_eq!(world.check(&confused).await, Err(Denied::Invalid));
        }
    }
    assert_eq!(world.asked(), 0, "no key was even looked for");
}

#[tokio::test]
async fn a_symmetric_key_in_the_set_is_no_key() {
    let secret = "k".repeat(43);
    let world = world(vec![json!({"kty": "oct", "kid": "o", "k": secret, "alg": "HS256"})]).await;
    let forged = token(Algorithm::HS256, &EncodingKey::from_base64_secret(&format!("{secret}=")).unwrap(), Some("o"));
    assert_eq!(world.check(&forged).await, Err(Denied::Invalid));
}

#[tokio::test]
async fn the_algorithm_must_be_the_keys_own() {
    let world = world(all_keys()).await;
    for (alg, key, kid) in [
        (Algorithm::RS256, rsa(), "e"),
        (Algorithm::ES256, ec(), "r"),
        (Algorithm::EdDSA, ed(), "e"),
        (Algorithm::RS384, rsa(), "r"),
        (Algorithm::PS256, rsa(), "r"),
    ] {
        assert_eq!(world.check(&token(alg, &key, Some(kid))).await, Err(Denied::Invalid), "{alg:?} {kid}");
    }
}

#[tokio::test]
async fn a_keys_own_words_are_respected() {
    for (name, value) in
        [("use", json!("enc")), ("key_ops", json!(["encrypt"])), ("alg", json!("RS512")), ("alg", json!("RSA-OAEP"))]
    {
        let mut key = jwk(&rsa(), Algorithm::RS256, "r");
        key[name] = value.clone();
        let world = world(vec![key]).await;
        assert_eq!(world.check(&token(Algorithm::RS256, &rsa(), Some("r"))).await, Err(Denied::Invalid), "{name} {value}");
    }
    let mut key = jwk(&rsa(), Algorithm::RS256, "r");
    key["use"] = json!("sig");
    key["key_ops"] = json!(["verify"]);
    key.as_object_mut().unwrap().remove("alg");
    let world = world(vec![json!({"kty": "new"}), json!(7), key]).await;
    assert!(world.check(&token(Algorithm::RS256, &rsa(), Some("r"))).await.is_ok(), "and others do not spoil it");
}

#[tokio::test]
async fn a_token_does_not_say_where_its_key_comes_from() {
    let world = world(vec![jwk(&ec(), Algorithm::ES256, "e")]).await;
    let url = Some("http://127.0.0.1:1/".to_owned());
    let own = serde_json::from_value(jwk(&ed(), Algorithm::EdDSA, "e")).unwrap();
    let header = Header { kid: Some("e".into()), jwk: Some(own), jku: url.clone(), x5u: url, ..Header::new(Algorithm::EdDSA) };
    let forged = jsonwebtoken::encode(&header, &claims(), &ed()).unwrap();
    assert_eq!(world.check(&forged).await, Err(Denied::Invalid));
}

#[tokio::test]
async fn two_keys_that_fit_are_none() {
    let world = world(vec![jwk(&rsa(), Algorithm::RS256, "a"), jwk(&rsa(), Algorithm::RS256, "b")]).await;
    assert_eq!(world.check(&token(Algorithm::RS256, &rsa(), None)).await, Err(Denied::Invalid));
    assert!(world.check(&token(Algorithm::RS256, &rsa(), Some("b"))).await.is_ok());
}

#[tokio::test]
async fn a_rotated_key_is_found_and_an_unknown_one_is_asked_for_every_ten_seconds_at_most() {
    let world = world(vec![jwk(&rsa(), Algorithm::RS256, "old")]).await;
    let (old, new) = (token(Algorithm::RS256, &rsa(), Some("old")), token(Algorithm::ES256, &ec(), Some("new")));
    assert!(world.check(&old).await.is_ok());
    world.publish(&[jwk(&ec(), Algorithm::ES256, "new")]);
    for _ in 0..5 {
        assert_eq!(world.check(&new).await, Err(Denied::Invalid), "asked less than ten seconds ago");
    }
    assert_eq!(world.asked(), 1);
    world.clock.advance(10_000);
    assert!(world.check(&new).await.is_ok());
    assert_eq!(world.asked(), 2);
    assert_eq!(world.check(&old).await, Err(Denied::Invalid), "the issuer withdrew it");
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn keys_are_trusted_for_five_minutes() {
    let world = world(all_keys()).await;
    let good = token(Algorithm::RS256, &rsa(), Some("r"));
    assert!(world.check(&good).await.is_ok());
    world.answers(StatusCode::INTERNAL_SERVER_ERROR, String::new());
    world.clock.advance(299_999);
    assert!(world.check(&good).await.is_ok());
    assert_eq!(world.asked(), 1);
    world.clock.advance(1);
    assert!(matches!(world.check(&good).await, Err(Denied::Unavailable(_))));
    assert!(matches!(world.check(&good).await, Err(Denied::Unavailable(_))));
    assert_eq!(world.asked(), 2, "a failure is not repeated at once");
    world.publish(&all_keys());
    world.clock.advance(10_000);
    assert!(world.check(&good).await.is_ok());
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let world = world(all_keys()).await;
    let good = token(Algorithm::RS256, &rsa(), Some("r"));
    let all = futures::future::join_all((0..50).map(|_| world.check(&good))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn answers_that_are_no_set_leave_the_keys_unknown() {
    let long = format!(r#"{{"keys": [], "x": "{}"}}"#, "x".repeat(300_000));
    for (status, body) in [
        (StatusCode::NOT_FOUND, String::new()),
        (StatusCode::FOUND, String::new()),
        (StatusCode::NO_CONTENT, String::new()),
        (StatusCode::OK, "<html>".into()),
        (StatusCode::OK, "[]".into()),
        (StatusCode::OK, long),
    ] {
        let world = world(vec![]).await;
        world.answers(status, body);
        let answer = world.check(&token(Algorithm::RS256, &rsa(), Some("r"))).await;
        assert!(matches!(answer, Err(Denied::Unavailable(_))), "{status}");
    }
}

#[tokio::test]
async fn one_who_hangs_up_does_not_stop_the_fetch() {
    let world = world(all_keys()).await;
    let good = token(Algorithm::RS256, &rsa(), Some("r"));
    let (external, now, hurried) = (world.external.clone(), world.clock.now(), good.clone());
    let asking = world.tasks.spawn("hurried", async move { external.check(&hurried, now).await });
    while world.asked() == 0 {
        tokio::task::yield_now().await;
    }
    asking.abort();
    assert!(world.check(&good).await.is_ok());
    assert_eq!(world.asked(), 1);
}
