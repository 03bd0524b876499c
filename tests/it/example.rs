//! The worked example of CONTRIBUTING.md: it is what is built, and it works.

use crate::fixture::manifest;
use crate::time::eventually;
use it::Host;
use serde_json::{Value, json};

const GUIDE: &str = include_str!("../../CONTRIBUTING.md");
const SOURCE: &str = include_str!("../../components/fixtures/completions/src/lib.rs");
const MANIFEST: &str = include_str!("../fixtures/completions.toml");

#[test]
fn the_guide_shows_what_is_built() {
    let blocks: Vec<&str> = GUIDE.split("\n```").filter_map(|block| block.strip_prefix("rust\n")).collect();
    assert_eq!(blocks.len(), 1, "one example");
    assert!(SOURCE.contains(blocks[0].trim()), "CONTRIBUTING.md shows other code than components/fixtures/completions");
    let (_, toml) = GUIDE.split_once("```toml\n").expect("a manifest");
    let (toml, _) = toml.split_once("```").expect("its end");
    for line in toml.lines().filter(|line| !line.starts_with("source")) {
        assert!(MANIFEST.contains(line), "tests/fixtures/completions.toml has no line {line:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fourth_component_that_hears_events_is_a_folder_and_a_few_lines_of_the_manifest() {
    let host = Host::start_with(&manifest("completions.toml"));
    let (ada, bob) = (host.user("ada").await, host.user("bob").await);
    let mut day = String::new();
    for n in 0..5 {
        let task = ada.task(&json!({"title": format!("task {n}")})).await;
        let done = ada.complete(task["id"].as_str().unwrap(), n < 3).await.json();
        day = done["completed_at"].as_str().unwrap_or(&day)[..10].to_owned();
    }
    let path = format!("/api/completions/{day}");
    let three = async || Some(ada.get(&path).await.json()).filter(|answer| answer["completions"] == 3);
    assert_eq!(eventually("three completions", three).await["date"], Value::from(day));
    assert_eq!(bob.get(&path).await.json()["completions"], 0);
}
