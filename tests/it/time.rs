//! What tests need to travel in time.

use it::{Client, Host, Options, Setup};
use serde_json::json;
use std::time::{Duration, Instant};

/// How a host is started whose clock stands where a test puts it.
pub fn at(moment: &str) -> Options {
    Options { env: vec![("TIDINGS_TEST_CLOCK".to_owned(), moment.to_owned())], ..Options::default() }
}

/// A host of its own at a moment, and a user whose token never expires.
pub async fn traveller(moment: &str) -> (Host, Client) {
    let host = Host::start_with(&at(moment));
    let user = lasting(host.someone().await).await;
    (host, user)
}

/// The same user with a token that outlives any journey.
pub async fn lasting(user: Client) -> Client {
    let answer = user.post("/api/tokens", &json!({"name": "journey", "scopes": ["tasks:write", "account"]})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    user.with_token(answer.json()["token"].as_str().unwrap())
}

/// What is found in the end, within the set-up's patience.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let patience = Setup::of_this_run().patience();
    let until = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < until, "{what}: not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
