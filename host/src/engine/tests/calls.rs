//! Events and moments, handed to the same component that misbehaves for requests.

use super::*;
use crate::store::LoggedEvent;
use crate::store::sqlite::held::Held;
use domain::ports::Failure;
use serde_json::json;
use uuid::Uuid;

async fn loaded() -> (Engine, Backing, TempDir) {
    let (backing, folder) = backing().await;
    (Engine::load(bundle(&manifest()), &backing).unwrap(), backing, folder)
}

/// An event of a task with this title, as it stands in the log.
fn event(title: &str) -> LoggedEvent {
    let id = Uuid::now_v7();
    let body = json!({
        "specversion": "1.0", "id": id, "type": "task.created", "time": "2026-05-01T09:00:00Z",
        "dataschema": "urn:tidings:schema:task.created:1", "data": {"task": {"title": title}},
    });
    LoggedEvent {
        position: 1,
        topic: "task-events".to_owned(),
        user: "ada".parse().unwrap(),
        sequence: None,
        id,
        kind: "task.created".to_owned(),
        time: Timestamp::parse("2026-05-01T09:00:00Z").unwrap(),
        body: Arc::from(serde_json::value::to_raw_value(&body).unwrap()),
        headers: None,
    }
}

async fn hear(engine: &Engine, titles: &[&str]) -> Heard {
    let events: Vec<LoggedEvent> = titles.iter().map(|title| event(title)).collect();
    engine.hear("misbehave", &"misbehave-group".into(), &events).await
}

async fn claimed(backing: &Backing, group: &str, event: &LoggedEvent) -> bool {
    backing.store.claimed(group, &event.id.to_string()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_component_answers_requests_hears_events_and_acts_at_moments() {
    let (engine, backing, _folder) = loaded().await;
    well(&engine).await;
    let events = [event("mark"), event("mark")];
    for _ in 0..2 {
        let heard = engine.hear("misbehave", &"misbehave-group".into(), &events).await;
        assert_eq!(heard, Heard { done: 2, last: Ok(Verdict::Done) });
    }
    for event in &events {
        assert!(claimed(&backing, "misbehave-group", event).await, "its unit of work has committed");
        assert!(!claimed(&backing, "misbehave", event).await, "it claims in the name of its group");
    }
    let now = Timestamp::parse("2026-05-01T09:00:00Z").unwrap();
    assert_eq!(engine.tick("misbehave", now).await, Ok(Some(now.plus_minutes(1))));
    well(&engine).await;
    assert_eq!((engine.components()[0].requests, engine.components()[0].faults), (7, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_events_ends_at_the_first_that_is_not_done() {
    let (engine, _, _folder) = loaded().await;
    let rejected = Verdict::Reject("refused on purpose".to_owned());
    for (titles, done, last) in [
        (&["well", "retry", "well"][..], 1, Ok(Verdict::Retry(Duration::from_millis(10)))),
        (&["well", "well", "reject"], 2, Ok(rejected)),
        (&["trap", "well"], 0, Err(Fault::Trapped)),
        (&["well", "spin", "well"], 1, Err(Fault::TimedOut)),
        (&["hang"], 0, Err(Fault::TimedOut)),
        (&["well", "allocate"], 1, Err(Fault::OutOfMemory)),
        (&[], 0, Ok(Verdict::Done)),
    ] {
        let start = Instant::now();
        assert_eq!(hear(&engine, titles).await, Heard { done, last }, "{titles:?}");
        assert!(start.elapsed() < Duration::from_millis(2_000), "{titles:?} took {:?}", start.elapsed());
        assert_eq!(hear(&engine, &["well"]).await.done, 1, "the next one, after {titles:?}");
    }
    assert_eq!(engine.components()[0].faults, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_do_not_notice_a_busy_event() {
    let (engine, _, _folder) = loaded().await;
    let (busy, quick) = tokio::join!(hear(&engine, &["spin"]), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let start = Instant::now();
        well(&engine).await;
        start.elapsed()
    });
    assert_eq!(busy.last, Err(Fault::TimedOut));
    assert!(quick < Duration::from_millis(450), "{quick:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tick_that_fails_harms_nothing_else() {
    let (engine, _, _folder) = loaded().await;
    let at = |millis: i64| Timestamp::from_millis(1_777_626_000_000 + millis).unwrap();
    let failed = TickError::Failed(Failure::Unavailable("not now".to_owned()));
    for (millis, expected) in [
        (1, Err(TickError::Fault(Fault::Trapped))),
        (2, Err(TickError::Fault(Fault::TimedOut))),
        (3, Err(failed)),
        (4, Ok(None)),
        (5, Ok(Some(at(60_005)))),
    ] {
        assert_eq!(engine.tick("misbehave", at(millis)).await, expected, "{millis}");
    }
    assert_eq!(engine.tick("nobody", at(0)).await, Err(TickError::Fault(Fault::NoComponent)));
}

#[tokio::test]
async fn what_is_no_event_of_ours_is_refused_before_any_component_sees_it() {
    let (engine, _, _folder) = loaded().await;
    for body in
        ["{}", "[]", r#"{"time": "now", "data": {}}"#, r#"{"time": "2026-05-01T09:00:00Z", "dataschema": "x:y", "data": 1}"#]
    {
        let raw = serde_json::value::RawValue::from_string(body.to_owned()).unwrap();
        let event = LoggedEvent { body: Arc::from(raw), ..event("trap") };
        let heard = engine.hear("misbehave", &"group".into(), &[event]).await;
        assert!(matches!(heard.last, Ok(Verdict::Reject(_))), "{body}: {heard:?}");
    }
}

#[tokio::test]
async fn the_manifest_and_the_exports_must_agree() {
    let (backing, _folder) = backing().await;
    let silent = manifest().replace("group =", "# ").replace("topics =", "# ");
    let faults = Engine::load(bundle(&silent), &backing).err().unwrap().to_string();
    assert!(faults.contains("nothing says what it hears"), "{faults}");
    let (ports, all) = (manifest().replace("[\"ledger\"]", "[]"), silent.replace("[\"ledger\"]", "[]"));
    assert!(Engine::load(bundle(&ports), &backing).err().unwrap().to_string().contains("tidings:ports/ledger"));
    assert_eq!(Engine::load(bundle(&all), &backing).err().unwrap().to_string().lines().count(), 2, "both at once");
}

/// Another writer holds the database, longer than the fixture has time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_store_is_unavailable_and_no_fault_of_the_component() {
    let (engine, backing, folder) = loaded().await;
    let held = Held::hold(folder.path()).await;
    let marked = event("mark");
    let group = "misbehave-group".into();
    let heard = engine.hear("misbehave", &group, std::slice::from_ref(&marked)).await;
    assert_eq!(heard, Heard { done: 0, last: Ok(Verdict::Retry(Duration::from_secs(1))) });
    assert_eq!(engine.components()[0].faults, 0);
    held.let_go().await;
    // What was waiting commits meanwhile, or this does.
    let mut heard = Heard { done: 0, last: Ok(Verdict::Done) };
    for _ in 0..10 {
        heard = engine.hear("misbehave", &group, std::slice::from_ref(&marked)).await;
        if heard.done == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(heard, Heard { done: 1, last: Ok(Verdict::Done) });
    assert!(claimed(&backing, "misbehave-group", &marked).await);
}
