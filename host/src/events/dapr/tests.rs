//! The bus on a sidecar that notes what is published, with records brought by hand. The real sidecar is in `tests/it`.

use super::*;
use crate::clock::SystemClock;
use crate::dapr::SidecarConfig;
use crate::events::bus::{Source, Trouble};
use crate::events::record::Record;
use crate::events::relay::Published;
use crate::events::testing::{Recorder, creation, retry};
use crate::events::{Consumer, LocalBus};
use crate::store::sqlite::SqliteStore;
use crate::store::{Ledger, LoggedEvent};
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::event::{TASK_EVENTS, TASK_UPDATES};
use futures::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// What a sidecar was asked to publish: path and query, value.
type Sent = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

struct World {
    bus: DaprBus,
    store: Arc<SqliteStore>,
    published: Sent,
    /// Whether the sidecar takes what is published.
    takes: Arc<Mutex<bool>>,
    /// Whose events it has refused by the broker.
    refused: Arc<Mutex<&'static str>>,
    tasks: Tasks,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(folder.path()).await.unwrap());
        let (published, takes, tasks) = (Sent::default(), Arc::new(Mutex::new(true)), Tasks::default());
        let refused = Arc::<Mutex<&str>>::default();
        let (noted, taking, refusing) = (published.clone(), takes.clone(), refused.clone());
        let sidecar = Router::new().fallback(async move |request: Request| {
            let (parts, body) = request.into_parts();
            if !*taking.lock().unwrap() {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
            let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
            let mut noted = noted.lock().unwrap();
            if parts.uri.path().contains("/bulk/") {
                let (mut users, mut failed) = (BTreeSet::new(), Vec::new());
                for entry in serde_json::from_slice::<Vec<Value>>(&body).unwrap() {
                    let key = entry["metadata"]["partitionKey"].as_str().unwrap();
                    assert!(users.insert(key.to_owned()), "two of one user's by one call");
                    if key == *refusing.lock().unwrap() {
                        failed.push(json!({"entryId": entry["entryId"], "error": "no leader"}));
                        continue;
                    }
                    let value = STANDARD.decode(entry["event"].as_str().unwrap()).unwrap();
                    noted.push((format!("{}&metadata.partitionKey={key}", parts.uri), value));
                }
                if !failed.is_empty() {
                    return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"failedEntries": failed}))).into_response();
                }
            } else {
                noted.push((parts.uri.to_string(), body));
            }
            StatusCode::NO_CONTENT.into_response()
        });
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let config = SidecarConfig { port: socket.local_addr().unwrap().port(), token: None };
        tasks.spawn("sidecar", async move { axum::serve(socket, sidecar).await });
        let (sidecar, clock) = (Sidecar::new(&config).unwrap(), Arc::new(SystemClock));
        let local = Arc::new(LocalBus::new(store.clone(), clock.clone(), tasks.clone()));
        let bus = DaprBus::new(sidecar, "staging.", store.clone(), local, None, clock, tasks.clone());
        Self { bus, store, published, takes, refused, tasks, _folder: folder }
    }

    fn consume(&self, group: &str, recorder: &Arc<Recorder>) {
        let (name, handler, tasks) = (group.to_owned(), recorder.clone(), self.tasks.clone());
        let start = move |source: Box<dyn Source>| {
            Consumer::new(&name, &[], source, handler.clone(), Arc::new(SystemClock), tasks.clone())
        };
        self.bus.consume(group, &[TASK_EVENTS.to_owned()], Box::new(start));
    }

    /// The event of a new task of this user, as a broker has it.
    async fn record(&self, user: &str, partition: i32) -> Record {
        let before = self.store.last_position().await.unwrap();
        self.store.commit(creation(user)).await.unwrap();
        let event = self.store.events_after(&[TASK_EVENTS], before, 1).await.unwrap().remove(0);
        let value = event.body.get().as_bytes().to_vec();
        Record::new(TASK_EVENTS, partition, event.position + 1_000, Some(user.into()), Some(value))
    }

    async fn deliver(&self, group: Option<&str>, record: &Record) -> Result<(), NotNow> {
        let arrived = Arrived { group: group.map(str::to_owned), record: record.clone() };
        timeout(Duration::from_secs(60), self.bus.inbox().deliver(arrived)).await.expect("an answer")
    }

    /// The answer to a record whose handler has begun with it, and is not done, when this happens.
    async fn interrupted(&self, happens: impl FnOnce()) -> Result<(), NotNow> {
        let recorder = Arc::new(Recorder::default()).troubled("ada", 1, vec![retry(); 4]);
        self.consume("g", &recorder);
        let record = self.record("ada", 0).await;
        let interrupt = async {
            while recorder.of("ada").is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            happens();
        };
        tokio::join!(self.deliver(Some("g"), &record), interrupt).0
    }

    fn paths(&self) -> Vec<String> {
        self.published.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }
}

#[tokio::test]
async fn a_record_is_answered_once_it_is_acted_upon() {
    let world = World::new().await;
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, vec![retry()]);
    world.consume("g", &recorder);
    let record = world.record("ada", 0).await;
    world.deliver(Some("g"), &record).await.unwrap();
    assert_eq!(recorder.of("ada"), [1, 1], "after it was tried twice");
    world.deliver(Some("g"), &record).await.unwrap();
    assert_eq!(recorder.of("ada"), [1, 1, 1], "what comes again is handed on again");
}

#[tokio::test]
async fn failure_21_each_group_hears_its_own_and_a_record_without_one_goes_to_all() {
    let world = World::new().await;
    let [one, two] = [Arc::<Recorder>::default(), Arc::default()];
    world.consume("one", &one);
    world.consume("two", &two);
    let count = |recorder: &Recorder| recorder.seen.lock().unwrap().len();
    world.deliver(Some("one"), &world.record("ada", 0).await).await.unwrap();
    assert_eq!((count(&one), count(&two)), (1, 0));
    world.deliver(None, &world.record("bob", 1).await).await.unwrap();
    assert_eq!((count(&one), count(&two)), (2, 1));
    assert!(world.deliver(Some("three"), &world.record("eve", 2).await).await.is_err(), "it is to come again where it is heard");
}

#[tokio::test]
async fn what_is_refused_is_buried_with_its_place_and_holds_up_its_own_part_only() {
    let world = World::new().await;
    let troubles = vec![Trouble::Reject("it is blue & old".to_owned()), retry(), retry()];
    let recorder = Arc::new(Recorder::default()).troubled("ada", 1, troubles);
    world.consume("g", &recorder);
    let (bad, good) = (world.record("ada", 0).await, world.record("bob", 1).await);
    let (refused, done) =
        tokio::join!(world.deliver(Some("g"), &bad), timeout(Duration::from_millis(500), world.deliver(Some("g"), &good)));
    assert_eq!((refused, done.expect("it does not wait")), (Ok(()), Ok(())));
    let (path, value) = world.published.lock().unwrap().remove(0);
    assert!(path.starts_with("/v1.0/publish/pubsub/staging.task-events.dlq?"), "{path}");
    for member in ["reason=it+is+blue+%26+old", "group=g", "topic=task-events", "partition=0", "tries=3", "partitionKey=ada"] {
        assert!(path.contains(&format!("metadata.{member}")), "{member} in {path}");
    }
    assert!(path.contains(&format!("metadata.position={}", bad.offset)), "{path}");
    assert_eq!(Some(value), bad.value);
}

#[tokio::test]
async fn what_is_no_event_is_buried_byte_for_byte_and_not_lost_while_it_cannot_be() {
    let world = World::new().await;
    world.consume("g", &Arc::default());
    let poison = Record::new(TASK_EVENTS, 0, 7, Some(b"a\xff".to_vec()), Some(b"\x00garbage".to_vec()));
    *world.takes.lock().unwrap() = false;
    assert!(world.deliver(Some("g"), &poison).await.is_err());
    assert!(world.bus.away().is_some());
    *world.takes.lock().unwrap() = true;
    world.deliver(Some("g"), &poison).await.unwrap();
    assert!(world.bus.away().is_none());
    let (path, value) = world.published.lock().unwrap().remove(0);
    assert!(path.contains("partitionKey=a%FF") && path.contains("tries=0") && path.contains("position=7"), "{path}");
    assert_eq!(value, b"\x00garbage");
}

#[tokio::test]
async fn a_host_that_stops_has_what_is_not_done_come_again() {
    let world = World::new().await;
    let answer = world.interrupted(|| world.tasks.stopping().cancel()).await;
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn a_host_that_stood_still_has_what_it_holds_come_again_and_rests() {
    let world = World::new().await;
    let inbox = world.bus.inbox();
    assert!(inbox.is_open());
    let answer = world.interrupted(|| inbox.stood_still()).await;
    assert!(answer.is_err() && !inbox.is_open(), "{answer:?}");
    assert!(world.deliver(Some("g"), &world.record("bob", 0).await).await.is_err());
    while !inbox.is_open() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.deliver(Some("g"), &world.record("eve", 1).await).await.unwrap();
}

#[tokio::test]
async fn a_users_events_are_published_in_order_and_none_behind_one_that_failed() {
    let world = World::new().await;
    for user in ["ada", "bob", "ada", "bob", "ada"] {
        world.store.commit(creation(user)).await.unwrap();
    }
    let events: Vec<LoggedEvent> = world.store.events_after(&[TASK_EVENTS, TASK_UPDATES], 0, 100).await.unwrap();
    let published = world.bus.publisher().publish(&events).await;
    assert_eq!(published, Published { delivered: 10, trouble: None });
    for (user, topic) in [("ada", TASK_EVENTS), ("bob", TASK_EVENTS), ("ada", TASK_UPDATES), ("bob", TASK_UPDATES)] {
        let of = |event: &&LoggedEvent| event.user.as_str() == user && event.topic == topic;
        let wanted: Vec<Vec<u8>> = events.iter().filter(of).map(|event| event.body.get().as_bytes().to_vec()).collect();
        let path = format!("/v1.0/publish/bulk/pubsub/staging.{topic}?metadata.rawPayload=true&metadata.partitionKey={user}");
        let sent = world.published.lock().unwrap();
        let sent: Vec<Vec<u8>> = sent.iter().filter(|(to, _)| *to == path).map(|(_, value)| value.clone()).collect();
        assert_eq!(sent, wanted, "{user}, {topic}: in order, byte for byte");
    }
    world.published.lock().unwrap().clear();
    *world.refused.lock().unwrap() = "ada";
    let failed = world.bus.publisher().publish(&events).await;
    assert!(failed.delivered == 0 && failed.trouble.is_some_and(|trouble| trouble.contains("no leader")));
    assert_eq!(world.paths().len(), 4, "none of hers, and all of the other's");
    *world.takes.lock().unwrap() = false;
    let failed = world.bus.publisher().publish(&events).await;
    assert!(failed.delivered == 0 && failed.trouble.is_some(), "{failed:?}");
    assert_eq!(world.paths().len(), 4);
}

#[tokio::test]
async fn failure_13_streams_hear_what_the_sidecar_brings_and_what_it_does_not() {
    let world = World::new().await;
    let mut tail = world.bus.tail(&[TASK_UPDATES]);
    let groups: Vec<SubscribedTo> = world.bus.inbox().subscriptions();
    assert_eq!(
        groups,
        [SubscribedTo {
            group: "sse-gateway-group".to_owned(),
            topic: TASK_UPDATES.to_owned(),
            on_broker: format!("staging.{TASK_UPDATES}"),
        }]
    );
    let mut brought = world.record("ada", 0).await;
    TASK_UPDATES.clone_into(&mut brought.topic);
    world.deliver(Some("sse-gateway-group"), &brought).await.unwrap();
    let next = async |tail: &mut Tail| timeout(Duration::from_secs(10), tail.next()).await.expect("an event").expect("one");
    assert_eq!(next(&mut tail).await.position, brought.offset, "at once");
    let missed = next(&mut tail).await;
    assert_eq!((missed.topic.as_str(), missed.sequence), (TASK_UPDATES, Some(1)), "from the log");
}
