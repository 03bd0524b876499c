//! `cargo xtask bench`: how fast and how small, as ratios in one run. Nothing here asserts a time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a bench's fault is a panic")]

mod chaos;
mod cluster;
mod events;
mod load;
mod mcp;
mod measures;
mod native;
mod spin;
mod swap;

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
    "swap",
    "mcp",
    "spin",
];

/// Those of a cluster, which run if they are named, or with `--cluster`.
const OF_A_CLUSTER: [&str; 4] = ["cluster-events", "cluster-backlog", "cluster-stream", "cluster-away"];

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
        let (only, file) = match rest.get(1..) {
            Some([only, name]) if only == "--only" => (Some(name.as_str()), None),
            Some([file]) => (None, Some(file.as_ref())),
            _ => (None, None),
        };
        return chaos::run(seconds, only, file).await;
    }
    let wanted: Vec<&str> = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => NAMES.to_vec(),
        ["--cluster"] => OF_A_CLUSTER.to_vec(),
        ref names => names.to_vec(),
    };
    let all = [&NAMES[..], &OF_A_CLUSTER].concat();
    if let Some(name) = wanted.iter().find(|name| !all.contains(name)) {
        eprintln!("there is no measure `{name}`; there are {}", all.join(", "));
        std::process::exit(2);
    }
    for name in all.into_iter().filter(|name| wanted.contains(name)) {
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
            "swap" => swap::measure().await,
            "mcp" => mcp::measure().await,
            "spin" => spin::measure().await,
            _ => cluster::measure(name).await,
        }
    }
}
