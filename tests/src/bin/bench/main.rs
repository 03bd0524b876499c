//! `cargo xtask bench`: how fast and how small, as ratios in one run. Nothing here asserts a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a bench's fault is a panic")]

mod chaos;
mod events;
mod kafka;
mod load;
mod measures;
mod native;

use it::Options;

/// The measures, in the order in which they run.
const NAMES: [&str; 13] = [
    "start",
    "ratios",
    "writes",
    "stream",
    "idle-streams",
    "many-tasks",
    "successors",
    "backlog",
    "reminders",
    "asleep",
    "kafka-events",
    "kafka-backlog",
    "kafka-away",
];

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, data] = args.as_slice()
        && command == "native"
    {
        return native::serve(data.as_ref()).await;
    }
    if let Some(("chaos", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        let seconds = rest.first().and_then(|seconds| seconds.parse().ok()).unwrap_or(60);
        return chaos::run(seconds, rest.get(1).map(AsRef::as_ref)).await;
    }
    if let Some(name) = args.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!("there is no measure `{name}`; there are {}", NAMES.join(", "));
        std::process::exit(2);
    }
    for name in NAMES.into_iter().filter(|name| args.is_empty() || args.iter().any(|arg| arg == name)) {
        println!("\n== {name}");
        match name {
            "start" => measures::start().await,
            "ratios" => measures::ratios().await,
            "writes" => measures::writes().await,
            "stream" => measures::stream().await,
            "idle-streams" => measures::idle_streams().await,
            "many-tasks" => measures::many_tasks().await,
            "successors" => events::successors(&Options::default()).await,
            "backlog" => events::backlog(&Options::default()).await,
            "reminders" => events::reminders().await,
            "asleep" => events::asleep().await,
            _ => kafka::measure(name).await,
        }
    }
}
