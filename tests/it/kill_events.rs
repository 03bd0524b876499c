//! Killed between any two steps of an event's or a moment's way: each notice is given once, each successor made once, what is
//! refused is kept, and a stream's numbers have no gap.

use crate::time::{at, eventually, lasting};
use chrono::{Days, NaiveDate};
use futures::future::{join, join_all};
use it::{Client, Host, Setup, host};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

const PEOPLE: usize = 3;
/// Recurring tasks that each of them completes on a day.
const RECURRING: usize = 3;
/// Positions are kept at intervals; after this time, what was finished before is.
const LONGER_THAN_A_POSITION: Duration = Duration::from_millis(120);

/// Failure 3: marked as processed before the work, then a crash; and the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn failure_03_at_every_point_a_death_loses_and_doubles_nothing() {
    let mut life = Life::begin().await;
    for point in tidings::faultpoint::POINTS {
        // A day has many commits, of components that do different things. With Kafka, each death takes until the group has missed the dead.
        let passes: &[u64] = match point {
            _ if Setup::of_this_run() != Setup::Embedded => &[1],
            _ if point.starts_with("commit") => &[1, 2, 3, 8, 13, 21],
            _ => &[1, 2, 3],
        };
        for pass in passes {
            life.dawn().await;
            life.arm(&format!("{point}:{pass}")).await;
            live(life.host.data(), life.day, &mut life.people, LONGER_THAN_A_POSITION).await;
            eventually(&format!("it dies at {point}:{pass}"), async || life.host.gone().then_some(())).await;
            life.recover().await;
        }
    }
    life.verify().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_03_killed_at_random_under_completions_and_due_notices() {
    let mut life = Life::begin().await;
    let mut moments = StdRng::seed_from_u64(4);
    let days = if Setup::of_this_run() == Setup::Embedded { 20 } else { 4 };
    for _ in 0..days {
        life.dawn().await;
        let (data, moment) = (life.host.data().to_owned(), Duration::from_millis(moments.random_range(0..150)));
        let kill = async {
            tokio::time::sleep(moment).await;
            life.host.kill();
        };
        join(live(&data, life.day, &mut life.people, Duration::ZERO), kill).await;
        while moments.random_bool(0.4) {
            // And again, while it makes good what was left.
            life.host.restart(&at(&moment_of(life.day, "12:00:00")));
            tokio::time::sleep(Duration::from_millis(moments.random_range(0..60))).await;
            life.host.kill();
        }
        life.recover().await;
    }
    life.verify().await;
}

/// One data folder over many deaths, one of them a day.
struct Life {
    host: Host,
    people: Vec<Person>,
    day: u64,
    /// Events from the future that were put into the log.
    poison: BTreeSet<String>,
}

struct Person {
    client: Client,
    /// The notices of all days, as task and kind.
    notices: BTreeSet<(String, String)>,
    /// The recurring tasks of all days.
    recurring: BTreeSet<String>,
    /// Those whose completion was not acknowledged.
    open: Vec<String>,
}

/// A time of a day.
fn moment_of(day: u64, time: &str) -> String {
    let first = NaiveDate::from_ymd_opt(2027, 5, 1).unwrap();
    format!("{}T{time}Z", first.checked_add_days(Days::new(day)).unwrap())
}

/// The moments of a day come, so long after each other, while everybody completes what recurs: until all is done, or the host
/// is gone.
async fn live(data: &Path, day: u64, people: &mut [Person], pause: Duration) {
    let clock = async {
        for time in ["11:00:00", "12:00:00"] {
            tokio::time::sleep(pause).await;
            let (to, data) = (moment_of(day, time), data.display().to_string());
            // Where the host is gone, nobody answers.
            let moved = tokio::task::spawn_blocking(move || host::cli(&["clock", "--to", &to, "--data", &data]));
            moved.await.unwrap();
        }
    };
    join(clock, join_all(people.iter_mut().map(Person::complete))).await;
}

impl Life {
    async fn begin() -> Self {
        let host = Host::start_with(&at(&moment_of(0, "08:00:00")));
        let mut people = Vec::new();
        for _ in 0..PEOPLE {
            let client = lasting(host.someone().await).await;
            people.push(Person { client, notices: BTreeSet::new(), recurring: BTreeSet::new(), open: Vec::new() });
        }
        Self { host, people, day: 0, poison: BTreeSet::new() }
    }

    /// A new day, with things to do.
    async fn dawn(&mut self) {
        self.day += 1;
        self.host.set_clock(&moment_of(self.day, "08:00:00")).await;
        for person in &mut self.people {
            person.plan(self.day).await;
        }
    }

    /// Starts anew, to die at this point; also while it starts. Everybody gets an event that no component knows.
    async fn arm(&mut self, fault: &str) {
        self.host.kill();
        let place = self.host.place();
        for person in &self.people {
            let (id, body) = from_the_future(&person.client.user_id);
            let (position, user, key) = (place.next_position(), &person.client.user_id, place.id(id));
            let insert = "INSERT INTO outbox (position, topic, user_id, id, kind, time, body)";
            place
                .execute(&format!("{insert} VALUES ({position}, 'task-events', '{user}', {key}, 'task.completed', 0, '{body}')"))
                .await;
            self.poison.insert(id.to_string());
        }
        let mut options = at(&moment_of(self.day, "08:00:00"));
        options.env.push(("TIDINGS_TEST_FAULT".to_owned(), fault.to_owned()));
        if let Err(log) = self.host.try_restart(&options) {
            assert!(log.contains("signal: 6"), "it ended otherwise than at {fault}: {log}");
        }
    }

    /// Starts for good; what was not acknowledged is asked for again, and everything of the day comes about.
    async fn recover(&mut self) {
        self.host.kill();
        self.host.restart(&at(&moment_of(self.day, "12:00:00")));
        for person in &mut self.people {
            person.complete().await;
            assert!(person.open.is_empty(), "{:?}", self.host.log());
            person.caught_up(self.day).await;
        }
    }

    /// All that ever happened, happened once.
    async fn verify(&mut self) {
        let mut given = Vec::new();
        let mut published = self.host.events(Some("reminders"));
        if Setup::of_this_run() != Setup::Embedded {
            // What was published when the host died is published again, as the same event.
            let mut known = BTreeSet::new();
            published.retain(|event| known.insert(event["id"].to_string()));
        }
        for event in published {
            let text = |name: &str| event["data"][name].as_str().unwrap().to_owned();
            given.push((text("task_id"), format!("reminder.{}", text("reminder_type"))));
        }
        given.sort();
        let mut expected: Vec<_> = self.people.iter().flat_map(|person| person.notices.iter().cloned()).collect();
        expected.sort();
        assert_eq!(given, expected, "each notice is given once");
        let letters = self.host.events(Some("task-events.dlq"));
        let refused: BTreeSet<String> = letters.iter().map(|letter| letter["event"]["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!(refused, self.poison);
        for person in &self.people {
            person.verify().await;
        }
        println!("{} days, {} notices, {} dead letters, all there", self.day, given.len(), letters.len());
    }
}

/// An event whose data has a version that is not known yet.
fn from_the_future(user: &str) -> (Uuid, Value) {
    let (id, task) = (Uuid::now_v7(), Uuid::now_v7());
    let body = json!({
        "specversion": "1.0", "id": id, "source": "urn:tidings:tasks", "type": "task.completed", "subject": task,
        "time": "2027-05-01T08:00:00Z", "datacontenttype": "application/json",
        "dataschema": "urn:tidings:schema:task.completed:2", "partitionkey": user, "data": {"task": task},
    });
    (id, body)
}

impl Person {
    /// Creates a day's tasks: some with notices at 11:00 and noon, and some that recur.
    async fn plan(&mut self, day: u64) {
        let (noon, tag) = (moment_of(day, "12:00:00"), format!("day{day}"));
        let due = |lead: Value| json!({"title": "due", "tags": [tag], "due_date": noon, "reminder_minutes": lead});
        let recurs = json!({
            "title": "recurs", "tags": [tag], "due_date": "2031-05-01T12:00:00Z", "reminder_minutes": null,
            "recurrence": {"frequency": "daily"},
        });
        let tasks = [due(json!(0)), due(json!(60)), due(json!(null))].into_iter().chain(vec![recurs; RECURRING]);
        let operations: Vec<Value> = tasks.map(|task| json!({"op": "create", "task": task})).collect();
        let answer = self.client.post("/api/todos/batch", &json!({"operations": operations})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        let id = |n: usize| answer["results"][n]["id"].as_str().unwrap().to_owned();
        for (task, kind) in [(0, "upcoming"), (0, "overdue"), (1, "upcoming"), (1, "overdue"), (2, "overdue")] {
            self.notices.insert((id(task), format!("reminder.{kind}")));
        }
        self.open = (3..3 + RECURRING).map(id).collect();
        self.recurring.extend(self.open.iter().cloned());
    }

    /// Completes what is left to be completed; ends where the host is gone.
    async fn complete(&mut self) {
        while let Some(id) = self.open.last() {
            let request =
                self.client.request(Method::PATCH, &format!("/api/todos/{id}/complete")).json(&json!({"completed": true}));
            let Ok(answer) = self.client.try_send(request).await else { return };
            assert_eq!(answer.status, 200, "{}", answer.text);
            self.open.pop();
        }
    }

    /// Waits for the notifications and the successors of all that was done.
    async fn caught_up(&self, day: u64) {
        let path = format!("/api/todos?limit=200&tag=day{day}");
        eventually("the day's successors", async || {
            let tasks = self.client.all(&path).await;
            (tasks.iter().filter(|task| !task["parent_task_id"].is_null()).count() >= RECURRING).then_some(())
        })
        .await;
        eventually("the day's notifications", async || {
            let count = self.client.get("/api/notifications/unread-count").await.json()["count"].as_u64();
            (count >= Some(self.notices.len() as u64)).then_some(())
        })
        .await;
    }

    async fn verify(&self) {
        let notifications = self.client.all("/api/notifications?limit=200").await;
        let pair = |it: &Value| (it["task_id"].as_str().unwrap().to_owned(), it["kind"].as_str().unwrap().to_owned());
        let mut kept: Vec<_> = notifications.iter().map(pair).collect();
        kept.sort();
        assert_eq!(kept, self.notices.iter().cloned().collect::<Vec<_>>(), "each notice is kept once");
        let tasks = self.client.all("/api/todos?limit=200").await;
        let parents = tasks.iter().filter_map(|task| task["parent_task_id"].as_str());
        let mut parents: Vec<String> = parents.map(str::to_owned).collect();
        parents.sort();
        assert_eq!(parents, self.recurring.iter().cloned().collect::<Vec<_>>(), "each occurrence has one successor");
        let shown = self.shown().await;
        let mut expected = BTreeMap::from([("created".to_owned(), tasks.len() + 1), ("completed".to_owned(), parents.len())]);
        expected.extend(notifications.iter().map(|it| (it["id"].as_str().unwrap().to_owned(), 1)));
        assert_eq!(shown, expected, "the stream shows each change and each notification once");
    }

    /// Reads the stream from its beginning: how often it has each change, by its kind, and each notification, by its id.
    async fn shown(&self) -> BTreeMap<String, usize> {
        let mark = self.client.task(&json!({"title": "mark"})).await;
        let (mut stream, mut shown) = (self.client.stream(Some("0")).await, BTreeMap::new());
        for number in 1.. {
            let event = stream.event().await;
            assert_eq!(event.id, number.to_string(), "the numbers have neither gap nor double");
            let name = event.data.get("change_type").unwrap_or(&event.data["id"]).as_str().unwrap();
            *shown.entry(name.to_owned()).or_default() += 1;
            if event.data["task_id"] == mark["id"] {
                break;
            }
        }
        shown
    }
}
