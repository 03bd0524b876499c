//! What the sidecar brings: which topics it is to bring, and each record of them, in the words of Dapr's pub/sub
//! (<https://docs.dapr.io/reference/api/pubsub_api/>). A record is answered once it is finished with; until then the sidecar waits.

use crate::events::{Arrived, Inbox, NotNow, Record};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::event::{REMINDERS, TASK_EVENTS, TASK_UPDATES};
use http::HeaderMap;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Where each topic is brought.
const ROUTES: [(&str, &str); 3] =
    [(TASK_EVENTS, "/events/task"), (REMINDERS, "/events/reminder"), (TASK_UPDATES, "/events/task-updates")];
/// Bytes of a call: more than a broker takes for a record, which is in base64.
const LARGEST: usize = 16 << 20;

/// What a sidecar puts around the bytes of a record.
#[derive(Deserialize)]
struct Around {
    data_base64: Option<String>,
    pubsubname: Option<String>,
}

/// How a record without a place of its own names its user.
#[derive(Deserialize)]
struct Keyed {
    partitionkey: String,
}

pub(super) fn routes(inbox: Option<Arc<Inbox>>) -> Router {
    let mut routes = Router::new().route("/dapr/subscribe", get(subscriptions));
    for (topic, path) in ROUTES {
        let arrive = async move |State(inbox): State<Option<Arc<Inbox>>>, headers: HeaderMap, body: Bytes| match inbox {
            Some(inbox) => answer(inbox.deliver(arrived(topic, &headers, &body)).await),
            None => answer(Err(NotNow("this host hears nothing through a sidecar: TIDINGS_BUS is not dapr".to_owned()))),
        };
        routes = routes.route(path, post(arrive));
    }
    routes.layer(DefaultBodyLimit::max(LARGEST)).with_state(inbox)
}

/// Every topic that somebody hears here, by the component that has the group's name.
async fn subscriptions(State(inbox): State<Option<Arc<Inbox>>>) -> Json<Value> {
    let all = inbox.map(|inbox| inbox.subscriptions()).unwrap_or_default();
    let entries = all.into_iter().filter_map(|subscribed| {
        let (_, route) = ROUTES.iter().find(|(topic, _)| *topic == subscribed.topic)?;
        Some(json!({
            "pubsubname": subscribed.group,
            "topic": subscribed.on_broker,
            "route": route,
            "metadata": { "rawPayload": "true" },
        }))
    });
    Json(entries.collect())
}

/// Never DROP, and never a 404: the sidecar would forget the record.
fn answer(delivered: Result<(), NotNow>) -> Response {
    match delivered {
        Ok(()) => Json(json!({ "status": "SUCCESS" })).into_response(),
        Err(NotNow(reason)) => {
            tracing::warn!(reason, "a record is to come again");
            Json(json!({ "status": "RETRY" })).into_response()
        }
    }
}

fn arrived(topic: &str, headers: &HeaderMap, body: &[u8]) -> Arrived {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
    let around: Option<Around> = serde_json::from_slice(body).ok();
    let (wrapped, group) = around.map_or((None, None), |around| (around.data_base64, around.pubsubname));
    let value = wrapped.and_then(|text| STANDARD.decode(text).ok()).unwrap_or_else(|| body.to_vec());
    let offset = number("__offset");
    // A broker without places of records has no keys either; the event says whose it is.
    let by_itself = || serde_json::from_slice(&value).ok().map(|keyed: Keyed| keyed.partitionkey.into_bytes());
    let key = headers.get("__key").map(|key| unescaped(key.as_bytes())).or_else(|| by_itself().filter(|_| offset.is_none()));
    let partition = number("__partition").and_then(|number| i32::try_from(number).ok()).unwrap_or(0);
    Arrived { group, record: Record::new(topic, partition, offset.unwrap_or(0), key, Some(value)) }
}

/// As a component with `escapeHeaders` has escaped it (Go's `url.QueryEscape`).
fn unescaped(key: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = key.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_record_is_what_the_broker_had() {
        let body =
            json!({"data_base64": STANDARD.encode(b"\xff{"), "pubsubname": "g", "type": "com.dapr.event.sent"}).to_string();
        let place = headers(&[("__key", "a%0A%FF+b"), ("__offset", "7"), ("__partition", "2")]);
        let Arrived { group, record } = arrived("task-events", &place, body.as_bytes());
        assert_eq!((group.as_deref(), record.partition, record.offset), (Some("g"), 2, 7));
        assert_eq!((record.key, record.value), (Some(b"a\n\xff b".to_vec()), Some(b"\xff{".to_vec())));
    }

    #[test]
    fn an_event_that_comes_as_itself_is_taken_too() {
        let body = br#"{"id":"x","partitionkey":"ada"}"#;
        let record = arrived("reminders", &HeaderMap::new(), body).record;
        assert_eq!((record.key, record.value), (Some(b"ada".to_vec()), Some(body.to_vec())));
        let unkeyed = arrived("reminders", &headers(&[("__offset", "1")]), body).record;
        assert_eq!(unkeyed.key, None, "a record that has no key gets none");
    }
}
