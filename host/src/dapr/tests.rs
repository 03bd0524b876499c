//! Against a sidecar that answers as real ones were seen to; the real one is in `tests/it`.

use super::*;
use axum::body::{Body, to_bytes};
use axum::extract::Request as Asked;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What it was asked: method, path and query, headers, body.
type Asks = Arc<Mutex<Vec<(String, HeaderMap, Vec<u8>)>>>;

/// A sidecar that notes what it is asked and answers this.
async fn sidecar(answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> (Arc<Sidecar>, Asks) {
    let asks = Asks::default();
    let noted = asks.clone();
    let routes = Router::new().fallback(async move |request: Asked| {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
        let asked = format!("{} {}", parts.method, parts.uri);
        noted.lock().unwrap().push((asked.clone(), parts.headers, body));
        answer(&asked)
    });
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    crate::task::Tasks::default().spawn("sidecar", async move { axum::serve(socket, routes).await });
    let config = SidecarConfig { port, token: Some(crate::identity::Secret::new("hunter2")) };
    (Sidecar::new(&config).unwrap(), asks)
}

fn says(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), Json(body.clone())).into_response()
}

#[tokio::test]
async fn a_record_is_published_as_it_is_with_its_key_and_headers() {
    let (sidecar, asks) = sidecar(|_| StatusCode::NO_CONTENT.into_response()).await;
    let headers = [("reason", "it is & remains no event".to_owned())];
    let record = Outgoing { topic: "task-events.dlq", key: Some(b"a\xffa"), value: b"\x00 {}", headers: &headers };
    sidecar.publish(&record).await.unwrap();
    let (asked, headers, body) = asks.lock().unwrap().remove(0);
    assert!(asked.starts_with("POST /v1.0/publish/pubsub/task-events.dlq?metadata.rawPayload=true&"), "{asked}");
    assert!(asked.contains("metadata.partitionKey=a%FFa") && asked.contains("metadata.reason=it+is+%26+remains"), "{asked}");
    assert_eq!((headers["dapr-api-token"].as_bytes(), body), (&b"hunter2"[..], b"\x00 {}".to_vec()));
}

#[tokio::test]
async fn of_many_records_those_that_the_broker_has_not_are_named() {
    let failed = json!({"failedEntries": [{"entryId": "1", "error": "no leader"}], "errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE"});
    let (sidecar, asks) = self::sidecar(move |_| says(500, &failed)).await;
    let records: [(&str, &[u8]); 2] = [("ada", b"{ }"), ("b\"ob", b"{}")];
    let failed = sidecar.publish_all("task-events", &records).await.unwrap();
    let failed: Vec<(usize, String)> = failed.into_iter().map(|(place, trouble)| (place, trouble.to_string())).collect();
    assert_eq!(failed, [(1, "the sidecar answered 500 Internal Server Error: no leader".to_owned())]);
    let (asked, _, body) = asks.lock().unwrap().remove(0);
    assert_eq!(asked, "POST /v1.0/publish/bulk/pubsub/task-events?metadata.rawPayload=true");
    let entry = |id, event, key| {
        json!({
            "entryId": id, "event": event, "contentType": "application/octet-stream",
            "metadata": {"content-type": "application/cloudevents+json", "partitionKey": key},
        })
    };
    let sent: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(sent, json!([entry("0", "eyB9", "ada"), entry("1", "e30=", "b\"ob")]));
    for (status, body) in [
        (500, json!({"failedEntries": []})),
        (500, json!({"failedEntries": [{"entryId": "x"}]})),
        (500, json!({"failedEntries": [{"entryId": "2"}]})),
        (413, json!("")),
    ] {
        let (sidecar, _) = self::sidecar(move |_| says(status, &body)).await;
        assert!(sidecar.publish_all("task-events", &records).await.is_err(), "all of them");
    }
}

#[tokio::test]
async fn trouble_says_what_to_do_and_shows_no_token() {
    let record = Outgoing { topic: "reminders", key: None, value: b"", headers: &[] };
    let cases = [
        (401, json!("invalid api token"), "DAPR_API_TOKEN"),
        (400, json!({"errorCode": "ERR_PUBSUB_NOT_FOUND", "message": "x"}), "dapr/components"),
        (500, json!({"errorCode": "ERR_PUBSUB_PUBLISH_MESSAGE", "message": "no brokers"}), "no brokers"),
    ];
    for (status, body, expected) in cases {
        let (sidecar, _) = sidecar(move |_| says(status, &body)).await;
        let said = sidecar.publish(&record).await.unwrap_err().to_string();
        assert!(said.contains(expected) && !said.contains("hunter2"), "{said}");
    }
    let nobody = Sidecar::new(&SidecarConfig { port: 1, token: None }).unwrap();
    assert!(nobody.publish(&record).await.unwrap_err().to_string().contains("DAPR_HTTP_PORT"));
}

#[tokio::test]
async fn no_path_leads_out_of_the_app_that_is_called() {
    let (sidecar, asks) = sidecar(|_| StatusCode::OK.into_response()).await;
    for path in [
        "/api/notifications/../../../../publish/pubsub/task-events",
        "/api/notifications/%2e%2E/%2e%2e/%2e%2e/%2e%2e/publish/pubsub/task-events",
        "/api/notifications/.\\..",
        "/api/./notifications",
    ] {
        let Ok(request) = Request::post(path).body(Body::from("{}")) else { continue };
        assert!(matches!(hand_on(&sidecar, "notification-svc", request).await, Err(Trouble::NoPath)), "{path}");
    }
    assert!(asks.lock().unwrap().is_empty());
    let request = Request::get("/api/notifications/a%2Fb?q=..%2f").body(Body::empty()).unwrap();
    hand_on(&sidecar, "notification-svc", request).await.unwrap();
    assert_eq!(asks.lock().unwrap()[0].0, "GET /v1.0/invoke/notification-svc/method/api/notifications/a%2Fb?q=..%2f");
}

#[tokio::test]
async fn no_header_of_a_client_chooses_the_app_or_crosses_a_hop() {
    let (sidecar, asks) = sidecar(|_| StatusCode::OK.into_response()).await;
    let request = Request::get("/api/notifications")
        .header("dapr-app-id", "backend-api")
        .header("dapr-api-token", "guessed")
        .header("authorization", "Basic ZGFwci1hcHAtaWQ6YmFja2VuZC1hcGk=")
        .header("connection", "close, x-mine")
        .header("x-mine", "1")
        .header("x-request-id", "r-1")
        .header("cookie", "tidings_session=s");
    hand_on(&sidecar, "notification-svc", request.body(Body::empty()).unwrap()).await.unwrap();
    let headers = asks.lock().unwrap().remove(0).1;
    assert_eq!(headers["dapr-api-token"], "hunter2");
    assert_eq!((&headers["x-request-id"], &headers["cookie"]), (&"r-1".parse().unwrap(), &"tidings_session=s".parse().unwrap()));
    assert_eq!(headers["authorization"], "Basic", "and it hides the cookie still");
    for dropped in ["dapr-app-id", "x-mine"] {
        assert!(!headers.contains_key(dropped), "{dropped}");
    }
}

#[tokio::test]
async fn failure_18_an_error_behind_is_an_error_in_front_and_a_sidecars_own_is_trouble() {
    let problem = (StatusCode::TOO_MANY_REQUESTS, [("content-type", "application/problem+json"), ("retry-after", "7")], "{}");
    let (behind, _) = sidecar(move |_| problem.into_response()).await;
    let ask = || Request::get("/api/notifications").body(Body::empty()).unwrap();
    let answer = hand_on(&behind, "notification-svc", ask()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (429, &b"7"[..]));
    let (alone, _) = sidecar(|_| says(500, &json!({"errorCode": "ERR_DIRECT_INVOKE", "message": "no such app"}))).await;
    assert!(matches!(hand_on(&alone, "notification-svc", ask()).await, Err(Trouble::Failed { .. })));
}
