//! `cargo xtask chaos`: a cluster under load, of which one part after the other is away for a while. What was acknowledged is compared with what
//! there is afterwards: each completion of a recurring task has one successor, each task that is overdue one notification, and each stream its
//! numbers without a gap.

use crate::load::spawn;
use it::{Client, Cluster, Pod, Stream};
use parts::{Link, Postgres, postgres_programs, present};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Users who are at work during each fault, and how long each of them waits between two things that they do.
const PEOPLE: usize = 4;
const PAUSE: Duration = Duration::from_millis(150);
/// Between two tries of something that was not acknowledged.
const RETRY: Duration = Duration::from_millis(300);
/// What is not there after that is lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everything, and what can be done to it.
struct World {
    cluster: Cluster,
    postgres: Postgres,
    to_postgres: Link,
    /// Two of the API, then one of each other role.
    pods: Vec<Pod>,
}

/// What is done to a part, and undone.
type Act = fn(&mut World);

/// How much longer each piece takes where the network is slow.
const SLOW: Duration = Duration::from_millis(100);

/// A part, what happens to it, the beginning and the end of that.
const FAULTS: [(&str, &str, Act, Act); 24] = [
    ("none", "nothing", |_| {}, |_| {}),
    ("Kafka", "hangs", |w| w.cluster.kafka.freeze().unwrap(), |w| w.cluster.kafka.go_on().unwrap()),
    ("Kafka", "killed, started again", |w| w.cluster.kafka.kill(), |w| w.cluster.kafka.start_again().unwrap()),
    ("PostgreSQL", "hangs", |w| w.postgres.process().freeze().unwrap(), |w| w.postgres.process().go_on().unwrap()),
    ("PostgreSQL", "killed, started again", |w| w.postgres.kill(), |w| w.postgres.restart().unwrap()),
    ("Redis", "hangs", |w| w.cluster.redis.process().freeze().unwrap(), |w| w.cluster.redis.process().go_on().unwrap()),
    ("Redis", "killed, started again", |w| w.cluster.redis.process().kill(), |w| w.cluster.redis.start_again().unwrap()),
    ("sidecar of an API", "hangs", |w| w.sidecar(0).freeze().unwrap(), |w| w.sidecar(0).go_on().unwrap()),
    ("sidecar of an API", "killed, started again", |w| w.sidecar(0).kill(), |w| w.pods[0].sidecar.start_again().unwrap()),
    ("sidecar of notifications", "killed, started again", |w| w.sidecar(2).kill(), |w| w.pods[2].sidecar.start_again().unwrap()),
    ("sidecar of streams", "killed, started again", |w| w.sidecar(3).kill(), |w| w.pods[3].sidecar.start_again().unwrap()),
    ("an API replica", "hangs", |w| w.pods[0].host.freeze(), |w| w.pods[0].host.go_on()),
    ("an API replica", "killed, started again", |w| w.pods[0].host.kill(), |w| w.start_again(0)),
    ("notifications", "hangs", |w| w.pods[2].host.freeze(), |w| w.pods[2].host.go_on()),
    ("notifications", "killed, started again", |w| w.pods[2].host.kill(), |w| w.start_again(2)),
    ("streams", "hangs", |w| w.pods[3].host.freeze(), |w| w.pods[3].host.go_on()),
    ("streams", "killed, started again", |w| w.pods[3].host.kill(), |w| w.start_again(3)),
    ("network to Kafka", "nothing arrives", |w| w.to_kafka().cut(), |w| w.to_kafka().mend()),
    ("network to Kafka", "100 ms slower, each way", |w| w.to_kafka().slow(SLOW), |w| w.to_kafka().mend()),
    ("network to PostgreSQL", "nothing arrives", |w| w.to_postgres.cut(), |w| w.to_postgres.mend()),
    ("network to PostgreSQL", "100 ms slower, each way", |w| w.to_postgres.slow(SLOW), |w| w.to_postgres.mend()),
    ("network to Redis", "nothing arrives", |w| w.cluster.to_redis.cut(), |w| w.cluster.to_redis.mend()),
    ("network to Redis", "100 ms slower, each way", |w| w.cluster.to_redis.slow(SLOW), |w| w.cluster.to_redis.mend()),
    ("sentry", "killed", |w| w.cluster.mesh.sentry().kill(), |_| {}),
];

impl World {
    fn start() -> Option<Self> {
        let cluster = Cluster::start(true).filter(|_| present("PostgreSQL", postgres_programs().is_some()))?;
        let postgres = Postgres::start().expect("PostgreSQL");
        let to_postgres = Link::to(postgres.port()).expect("a way to PostgreSQL");
        let url = postgres.database().expect("a database");
        let url = url.replace(&format!(":{}/", postgres.port()), &format!(":{}/", to_postgres.port()));
        assert!(url.contains(&to_postgres.port().to_string()), "{url}");
        let pod = |app, replica, roles| cluster.pod(app, replica, roles, &[("TIDINGS_DATABASE_URL", &url)], None);
        let apps = [
            ("backend-api", 1, "api,mcp,web"),
            ("backend-api", 2, "api,mcp,web"),
            ("notification-svc", 1, "notifications"),
            ("sse-gateway", 1, "sse"),
        ];
        let pods = apps.into_iter().map(|(app, replica, roles)| pod(app, replica, roles)).collect();
        Some(Self { cluster, postgres, to_postgres, pods })
    }

    fn to_kafka(&self) -> &Link {
        self.cluster.kafka.link().expect("a cluster's Kafka is behind one")
    }

    fn sidecar(&mut self, pod: usize) -> &mut parts::Process {
        self.pods[pod].sidecar.process()
    }

    fn start_again(&mut self, pod: usize) {
        let Pod { host, options, .. } = &mut self.pods[pod];
        host.restart(options);
    }
}

/// One of those who are at work.
struct Person {
    /// The same user at each replica.
    at: [Client; 2],
    log: Mutex<Log>,
}

/// What came of it.
#[derive(Default)]
struct Log {
    /// Recurring tasks whose completion was acknowledged.
    completed: BTreeSet<String>,
    /// Overdue tasks that were acknowledged.
    overdue: BTreeSet<String>,
    served: usize,
    /// Answered with 503.
    refused: usize,
    /// Not answered.
    unanswered: usize,
    /// Answers that nobody should get.
    wrong: Vec<String>,
}

impl Person {
    /// Creates and completes tasks until told to stop; what was begun is brought to its end, however often it takes.
    async fn work(&self, enough: &AtomicBool) {
        while !enough.load(Ordering::Relaxed) {
            let recurring = json!({"title": "recurs", "due_date": "2031-03-01T09:00:00Z", "reminder_minutes": null, "recurrence": {"frequency": "daily"}});
            let id = self.insist(Method::POST, "/api/todos", &recurring).await;
            self.insist(Method::PATCH, &format!("/api/todos/{id}/complete"), &json!({"completed": true})).await;
            self.log().completed.insert(id);
            let late = json!({"title": "overdue", "due_date": "2026-01-01T00:00:00Z", "reminder_minutes": null});
            let id = self.insist(Method::POST, "/api/todos", &late).await;
            self.log().overdue.insert(id);
            sleep(PAUSE).await;
        }
    }

    /// Asks one replica and then the other, with one key, until it is acknowledged; the task's id.
    async fn insist(&self, method: Method, path: &str, body: &Value) -> String {
        let key = uuid::Uuid::now_v7().to_string();
        for replica in [0, 1].into_iter().cycle() {
            let client = &self.at[replica];
            let request =
                client.request(method.clone(), path).json(body).header("idempotency-key", &key).timeout(Duration::from_secs(15));
            match client.try_send(request).await {
                Ok(answer) if answer.status.is_success() => {
                    self.log().served += 1;
                    return answer.json()["id"].as_str().expect("an id").to_owned();
                }
                Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.headers.contains_key("retry-after") => {
                    self.log().refused += 1
                }
                Ok(answer) => self.log().wrong.push(format!("{method} {path}: {} {}", answer.status, answer.text)),
                Err(_) => self.log().unanswered += 1,
            }
            sleep(RETRY).await;
        }
        unreachable!("replicas are asked until one acknowledges")
    }

    /// How many effects there are to be.
    fn acknowledged(&self) -> usize {
        let log = self.log();
        log.completed.len() + log.overdue.len()
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().expect("a log")
    }

    /// How many successors each completion has, and notifications each overdue task; none, where that cannot be read yet.
    async fn effects(&self) -> Option<(BTreeMap<String, usize>, BTreeMap<String, usize>)> {
        let tasks = self.all("/api/todos?limit=200").await?;
        let notices = self.all("/api/notifications?limit=200").await?;
        Some((counted(&tasks, "parent_task_id"), counted(&notices, "task_id")))
    }

    async fn all(&self, path: &str) -> Option<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = self.at[0].try_send(self.at[0].request(Method::GET, &format!("{path}{cursor}"))).await.ok()?;
            let page = answer.status.is_success().then(|| answer.json())?;
            items.extend(page["items"].as_array()?.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Some(items),
            }
        }
    }

    /// What is wrong with the numbers of the stream, from its beginning: those that are missing or come twice.
    async fn gaps(&self) -> Option<usize> {
        let mark = self.insist(Method::POST, "/api/todos", &json!({"title": "mark"})).await;
        let response = self.at[1].open_stream(Some("0")).await.ok()?;
        let mut stream = Stream::new(response.error_for_status().ok()?);
        let mut wrong = 0;
        for number in 1_usize.. {
            let event = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.ok()??;
            wrong += usize::from(event.id != number.to_string());
            if event.data["task_id"] == json!(mark) {
                break;
            }
        }
        Some(wrong)
    }
}

/// How often each id stands there.
fn counted(items: &[Value], field: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    items.iter().filter_map(|item| item[field].as_str()).for_each(|id| *counts.entry(id.to_owned()).or_default() += 1);
    counts
}

/// What is missing, and what is there more than once, of what was acknowledged.
async fn compare(people: &[Arc<Person>]) -> Option<(usize, usize)> {
    let (mut lost, mut doubled) = (0, 0);
    for person in people {
        let (successors, notices) = person.effects().await?;
        let log = person.log();
        let each = [(&log.completed, &successors), (&log.overdue, &notices)];
        for (ids, counts) in each {
            lost += ids.iter().filter(|id| !counts.contains_key(*id)).count();
            doubled += counts.values().filter(|count| **count > 1).count();
        }
    }
    Some((lost, doubled))
}

/// Every fault, one after the other, for so many seconds each; the table goes into a file, if one is named. Of a part's name or what is
/// done to it, those that have it.
pub async fn run(seconds: u64, only: Option<&str>, file: Option<&Path>) {
    let Some(mut world) = tokio::task::block_in_place(World::start) else { return };
    let mut table = String::from(
        "| part | what is done | served | 503 | other | no answer | lost | doubled | recovered in |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let wanted = |part: &str, what: &str| only.is_none_or(|only| format!("{part}, {what}").contains(only));
    for (part, what, begin, end) in FAULTS.into_iter().filter(|(part, what, ..)| wanted(part, what)) {
        let row = one(&mut world, seconds, begin, end).await;
        println!("{part}, {what}: {row}");
        writeln!(table, "| {part} | {what} | {row} |").unwrap();
    }
    println!("\n{table}");
    if let Some(file) = file {
        let text = format!("{}{table}", HEAD.replace("SECONDS", &seconds.to_string()));
        std::fs::write(file, text).expect("the file is written");
    }
}

/// What stands before the table.
const HEAD: &str = "# What a cluster does with one part away

Made by `cargo xtask chaos`: PostgreSQL, Kafka, Redis, Dapr with mTLS, two replicas of the API, one of notifications and one of streams, on one machine.
Four users create tasks, and complete those that recur; after a second, one part is away for SECONDS s, and then back. Columns: requests that were acknowledged, that were
answered with 503 and `Retry-After`, with any other error, and that had no answer (each is repeated with its idempotency key until it is acknowledged); effects of what was acknowledged that
are not there two minutes later (a successor, a notification, a number of the stream), or there twice; how long after the part was back until everything was there,
and each stream had been read from its beginning.

";

async fn one(world: &mut World, seconds: u64, begin: Act, end: Act) -> String {
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        let here = world.pods[0].host.someone().await;
        let there = here.at(&world.pods[1].host.public);
        people.push(Arc::new(Person { at: [here, there], log: Mutex::default() }));
    }
    let enough = Arc::new(AtomicBool::new(false));
    let mut at_work = Vec::new();
    for person in people.clone() {
        let enough = enough.clone();
        at_work.push(spawn(async move { person.work(&enough).await }));
    }
    sleep(Duration::from_secs(1)).await;
    tokio::task::block_in_place(|| begin(world));
    sleep(Duration::from_secs(seconds)).await;
    tokio::task::block_in_place(|| end(world));
    let back = Instant::now();
    enough.store(true, Ordering::Relaxed);
    for one in at_work {
        one.await.expect("somebody at work");
    }
    let (lost, doubled) = loop {
        match compare(&people).await {
            Some((0, doubled)) => break (0, doubled),
            Some(found) if back.elapsed() > PATIENCE => break found,
            // Nobody can say what is there.
            None if back.elapsed() > PATIENCE => break (people.iter().map(|person| person.acknowledged()).sum(), 0),
            _ => sleep(Duration::from_millis(200)).await,
        }
    };
    let mut gaps = 0;
    for person in &people {
        gaps += loop {
            match person.gaps().await {
                Some(gaps) => break gaps,
                None if back.elapsed() > PATIENCE => break 1,
                None => sleep(Duration::from_millis(200)).await,
            }
        };
    }
    let recovered = back.elapsed();
    let (mut served, mut refused, mut wrong, mut unanswered) = (0, 0, 0, 0);
    for person in &people {
        let log = person.log();
        (served, refused, unanswered) = (served + log.served, refused + log.refused, unanswered + log.unanswered);
        wrong += log.wrong.len();
        log.wrong.iter().take(1).for_each(|wrong| println!("  {wrong}"));
    }
    format!("{served} | {refused} | {wrong} | {unanswered} | {} | {doubled} | {:.1} s", lost + gaps, recovered.as_secs_f64())
}
