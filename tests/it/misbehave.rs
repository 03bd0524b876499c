//! A component that traps, loops for ever, allocates without end or never answers harms its own request only.

use crate::fixture::manifest;
use crate::time::eventually;
use it::{Client, Host};
use std::time::{Duration, Instant};

/// A host that serves the fixture component.
fn host() -> Host {
    Host::start_with(&manifest("misbehave.toml"))
}

async fn metric(host: &Host, name: &str, reason: &str) -> f64 {
    let metrics = Client::new(&host.ops).get("/metrics").await.text;
    let line = metrics.lines().find(|line| line.starts_with(name) && line.contains(&format!("reason=\"{reason}\"")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_is_answered_within_its_deadline_logged_and_counted() {
    let host = host();
    let client = host.client();
    for (path, status, reason) in [
        ("/misbehave/trap", 500, "trapped"),
        ("/misbehave/spin", 504, "timed_out"),
        ("/misbehave/allocate", 500, "out_of_memory"),
        ("/misbehave/hang", 504, "timed_out"),
    ] {
        // Its ticks hang, too, and are faults of their own.
        let logged = |host: &Host| {
            let log = host.log();
            let of_reason = log.lines().filter(|line| line.contains("a component failed") && line.contains(reason));
            let (ticks, requests): (Vec<_>, Vec<_>) = of_reason.partition(|line| line.contains("\"request_id\":\"tick\""));
            (requests.len(), ticks.len())
        };
        let (before, _) = logged(&host);
        client.get(path).await.problem(status);
        eventually(&format!("{path} is logged and counted"), async || {
            let (requests, ticks) = logged(&host);
            let counted = metric(&host, "tidings_component_faults_total", reason).await;
            (requests == before + 1 && counted == (requests + ticks) as f64).then_some(())
        })
        .await;
        assert_eq!(client.get("/misbehave/fine").await.status, 200, "the next request after {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_do_not_notice() {
    let host = host();
    let client = host.client();
    let bad = ["/misbehave/spin", "/misbehave/hang", "/misbehave/allocate", "/misbehave/trap"].map(|path| {
        let client = client.clone();
        tokio::spawn(async move { client.get(path).await.status.as_u16() })
    });
    let mut slowest = Duration::ZERO;
    for _ in 0..100 {
        let began = Instant::now();
        assert_eq!(client.get("/misbehave/fine").await.status, 200);
        slowest = slowest.max(began.elapsed());
    }
    println!("slowest answer beside four misbehaving requests: {slowest:?}");
    for bad in bad {
        assert!(bad.await.expect("an answer") >= 500);
    }
}

/// Failure 18: an error behind the host is an error in front of it, also once the head was sent.
#[tokio::test(flavor = "multi_thread")]
async fn failure_18_a_fault_after_the_head_breaks_the_answer() {
    let host = host();
    let client = host.client();
    let answer = client.try_send(client.request(reqwest::Method::GET, "/misbehave/trap-after-head")).await;
    assert!(answer.is_err(), "a broken answer looked whole: {answer:?}");
    assert_eq!(client.get("/misbehave/fine").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_under_a_hundred_greedy_requests() {
    let host = host();
    let client = host.client();
    for _ in 0..100 {
        client.get("/misbehave/allocate").await.problem(500);
    }
    let resident = host.resident_kib() / 1024;
    assert!(resident < 600, "{resident} MiB after a hundred greedy requests");
}
