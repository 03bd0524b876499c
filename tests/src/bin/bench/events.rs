//! What events and time cost: successors, reminders, a backlog, and sleep.

use crate::load::{Connection, Figures, Shot, closed_loop, spawn};
use crate::measures::{LOAD, fill, get, report};
use it::{Client, Host, Options};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tidings::clock::{Clock as _, SystemClock};

/// How many users act at one time.
const USERS: usize = 8;

pub async fn users(host: &Host, count: usize) -> Vec<(Client, String)> {
    let mut users = Vec::new();
    for _ in 0..count {
        let user = host.someone().await;
        let token = user.token.clone().expect("token");
        users.push((user, token));
    }
    users
}

fn daily(n: usize) -> Value {
    json!({"title": format!("task {n}"), "due_date": "2031-01-01T09:00:00Z", "recurrence": {"frequency": "daily"}, "reminder_minutes": null})
}

fn complete(id: &str) -> Shot {
    Shot { method: "PATCH", path: format!("/api/todos/{id}/complete"), body: json!({"completed": true}).to_string() }
}

/// Completion of a recurring task to its successor on the user's stream, at 200 completions a second.
pub async fn successors(options: &Options) {
    let host = Host::start_with(options);
    let (each, pause) = (250_usize, Duration::from_millis(5) * USERS as u32);
    let mut at_work = Vec::new();
    let began = Instant::now() + Duration::from_secs(3);
    for (index, (user, token)) in users(&host, USERS).await.into_iter().enumerate() {
        let ids = fill(&user.base, &token, each, daily).await;
        at_work.push(spawn(async move {
            let mut stream = user.stream(None).await;
            let mut connection = Connection::open(&user.base, &token).await;
            let write = async {
                let mut sent = VecDeque::new();
                for (n, id) in ids.iter().enumerate() {
                    let at = began + pause * n as u32 + Duration::from_millis(5) * index as u32;
                    tokio::time::sleep_until(at.into()).await;
                    sent.push_back(Instant::now());
                    connection.fire(&complete(id)).await;
                }
                sent
            };
            // A user's successors come in the order of the completions.
            let read = async {
                let mut created = Vec::new();
                while created.len() < each {
                    if stream.event().await.data["change_type"] == "created" {
                        created.push(Instant::now());
                    }
                }
                created
            };
            let (sent, created) = tokio::join!(write, read);
            sent.into_iter().zip(created).map(|(sent, created)| created.duration_since(sent)).collect::<Vec<_>>()
        }));
    }
    let mut latencies = Vec::new();
    for user in at_work {
        latencies.extend(user.await.expect("a user"));
    }
    report("completion to successor", &Figures::from(latencies, began.elapsed()));
}

/// 10,000 events that came while the consumers were away: none of them acts, and then each of them makes a successor.
pub async fn backlog(options: &Options) {
    for (name, recurring) in [("that need nothing", false), ("that each make a successor", true)] {
        let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/no-consumers.toml");
        let away = Options { args: vec!["--manifest".into(), manifest.display().to_string()], ..options.clone() };
        let mut host = Host::start_with(&away);
        let (people, each) = (50, 200);
        let mut at_work = Vec::new();
        for (user, token) in users(&host, people).await {
            let task = move |n| if recurring { daily(n) } else { json!({"title": format!("task {n}")}) };
            at_work.push(spawn(async move {
                let ids = fill(&user.base, &token, each, task).await;
                let mut connection = Connection::open(&user.base, &token).await;
                for chunk in ids.chunks(100) {
                    let operations: Vec<Value> =
                        chunk.iter().map(|id| json!({"op": "complete", "id": id, "completed": true})).collect();
                    let body = json!({"operations": operations}).to_string();
                    connection.fire(&Shot { method: "POST", path: "/api/todos/batch".into(), body }).await;
                }
                user
            }));
        }
        for user in at_work {
            drop(user.await.expect("a user"));
        }
        host.stop();
        let began = Instant::now();
        match &options.beside {
            // With a sidecar of its own, which asks but once what to bring.
            Some(_) => host = Host::start_with(options),
            None => host.restart(options),
        }
        let metrics = Client::new(&host.ops);
        while handled(&metrics.get("/metrics").await.text) < people * each {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("{} completions {name}: worked off by every group in {:.2} s", people * each, began.elapsed().as_secs_f64());
    }
}

/// How many events every group has handled, at least.
fn handled(metrics: &str) -> usize {
    let groups = numbers(metrics, &["tidings_consumer_events_total", "outcome=\"done\""]);
    if groups.len() < 2 { 0 } else { groups.into_iter().fold(f64::MAX, f64::min) as usize }
}

/// The numbers of all lines of metrics that have all of these words.
pub fn numbers(metrics: &str, words: &[&str]) -> Vec<f64> {
    let meant = metrics.lines().filter(|line| words.iter().all(|word| line.contains(word)));
    meant.filter_map(|line| line.rsplit(' ').next()?.parse().ok()).collect()
}

/// Many open tasks, 10,000 of them due within one minute: how late each notice is, and what requests feel of it.
pub async fn reminders() {
    let host = Host::start();
    let (open, due) = (1_000_000_usize, 10_000_usize);
    let began = Instant::now();
    let users = users(&host, USERS).await;
    let far = |n: usize| json!({"title": format!("task {n}"), "due_date": format!("20{}-01-01T09:00:00Z", 30 + n % 60)});
    let mut at_work = Vec::new();
    for (user, token) in users.clone() {
        at_work.push(spawn(async move { fill(&user.base, &token, open / USERS, far).await.len() }));
    }
    let mut filled = 0;
    for user in at_work {
        filled += user.await.expect("a user");
    }
    println!(
        "{filled} open tasks, filled in {:.0} s; {} MiB resident",
        began.elapsed().as_secs_f64(),
        host.resident_kib() / 1024
    );
    let (base, token) = (users[0].0.base.clone(), users[0].1.clone());
    let first = get("/api/todos?limit=20".into());
    let calm = closed_loop(&base, &token, 2, LOAD, {
        let first = first.clone();
        move |_, _| first.clone()
    })
    .await;
    report("list of 20, nothing due", &calm);
    let start = now() + chrono::TimeDelta::seconds(15);
    for (index, (user, token)) in users.iter().enumerate() {
        let at = move |n: usize| start + chrono::TimeDelta::milliseconds(((n * USERS + index) * 60_000 / due) as i64);
        let task = move |n: usize| json!({"title": format!("due {n}"), "due_date": at(n).to_rfc3339(), "reminder_minutes": null});
        fill(&user.base, token, due / USERS, task).await;
    }
    let rest = (start - now()).to_std().unwrap_or_default();
    println!("  (set with {:.1} s to spare)", rest.as_secs_f64());
    tokio::time::sleep(rest + Duration::from_secs(5)).await;
    let busy = closed_loop(&base, &token, 2, Duration::from_secs(40), move |_, _| first.clone()).await;
    report("list of 20, 167 due a second", &busy);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mut late = Vec::new();
    for (user, _) in &users {
        for notification in user.all("/api/notifications?limit=200").await {
            let moment = |field: &str| {
                let text = notification[field].as_str().expect("a time");
                chrono::DateTime::parse_from_rfc3339(text).expect("a time")
            };
            late.push((moment("created_at") - moment("due_date")).to_std().unwrap_or_default());
        }
    }
    println!("{} of {due} notified", late.len());
    report("due to notified", &Figures::from(late, Duration::from_secs(60)));
}

/// What a host costs while nothing is due and nobody asks.
pub async fn asleep() {
    let host = Host::start();
    let user = host.user("bench").await;
    user.task(&json!({"title": "far", "due_date": "2090-01-01T09:00:00Z"})).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = (cpu_ticks(&host), wakeups(&host));
    let time = Duration::from_secs(30);
    tokio::time::sleep(time).await;
    let ticks = cpu_ticks(&host) - before.0;
    let woken = wakeups(&host) - before.1;
    println!(
        "in {} s asleep: {} ms of CPU ({:.3} %), {woken} wake-ups ({:.2} a second)",
        time.as_secs(),
        ticks * 10,
        ticks as f64 / time.as_secs_f64(),
        woken as f64 / time.as_secs_f64()
    );
}

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(SystemClock.now().millis()).expect("within the years")
}

/// User and system time, in hundredths of a second.
fn cpu_ticks(host: &Host) -> u64 {
    let stat = host.proc("stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11..13].iter().filter_map(|field| field.parse::<u64>().ok()).sum()
}

/// How often its threads gave up the processor by themselves, and so had been woken.
fn wakeups(host: &Host) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", host.pid())).expect("proc");
    let switches = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse::<u64>().ok()
    };
    tasks.filter_map(|task| switches(std::fs::read_to_string(task.ok()?.path().join("status")).ok()?)).sum()
}
