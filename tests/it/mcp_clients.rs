//! `/mcp` by clients that nobody here wrote: the official SDKs, the conformance tool, the inspector. What the SDKs are told to do
//! is in `tests/mcp`; `cargo xtask test` fetches them.

use crate::fixture::token;
use it::host::binary;
use it::{Client, FIRST, Host, Setup, only, shared};
use parts::{Process, present};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Once};
use std::time::Duration;

/// The scripts.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mcp")
}

/// Where `cargo xtask test` puts what it fetches.
fn fetched() -> PathBuf {
    std::env::var_os("IT_MCP").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/mcp"), PathBuf::from)
}

/// A file of a package of npm.
fn package(file: &str) -> PathBuf {
    fetched().join("node_modules").join(file)
}

fn has_typescript() -> bool {
    present("the MCP SDK of TypeScript", package("fetched.json").exists())
}

fn has_python() -> bool {
    present("the MCP SDK of Python", fetched().join("python/requirements.txt").exists())
}

/// A script for Node.js. It stands beside the packages: they are looked for there.
fn node(script: &str) -> Command {
    static COPIED: Once = Once::new();
    COPIED.call_once(|| {
        for entry in fs::read_dir(source()).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|ending| ending == "mjs") {
                fs::copy(&path, fetched().join(path.file_name().expect("a name"))).expect("a copy");
            }
        }
    });
    let mut node = Command::new("node");
    node.arg(fetched().join(script));
    node
}

/// The Node.js that the tools want, which is newer than that of some systems: the system's, or one of npm.
fn newer_node() -> Option<PathBuf> {
    let is_new =
        "const [a, b] = process.versions.node.split('.').map(Number); process.exit(a > 22 || (a === 22 && b >= 19) ? 0 : 1)";
    let answers = |node: &PathBuf| Command::new(node).args(["-e", is_new]).output().is_ok_and(|out| out.status.success());
    let of_npm = ["x64", "arm64"].map(|kind| package(&format!("node-linux-{kind}/bin/node")));
    [PathBuf::from("node")].into_iter().chain(of_npm).find(answers)
}

/// The script in Python.
fn python() -> Command {
    let mut python = Command::new("python3");
    python.arg("-B").arg(source().join("client.py")).env("PYTHONPATH", fetched().join("python"));
    python
}

/// Runs to its end: whether with success, what it prints, what it says of faults.
fn ended(command: &mut Command) -> (bool, String, String) {
    let out = tokio::task::block_in_place(|| command.stdin(Stdio::null()).output()).expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (out.status.success(), text(out.stdout), text(out.stderr))
}

/// Runs to its end, which must be success.
fn run(command: &mut Command) {
    let (success, out, error) = ended(command.env("MCP_PATIENCE", Setup::of_this_run().patience().as_secs().to_string()));
    print!("{out}{error}");
    assert!(success, "{out}{error}");
}

/// An agent of a user of the shared host: where it goes, and with what.
struct Agent {
    _host: Arc<Host>,
    url: String,
    token: String,
    read_token: String,
}

impl Agent {
    async fn new() -> Self {
        let host = shared();
        let user = host.someone().await;
        let ((_, all), (_, reading)) = (token(&user, &["tasks:write"]).await, token(&user, &["tasks:read"]).await);
        Self { url: format!("{}/mcp", host.public), token: all, read_token: reading, _host: host }
    }

    fn sends(&self, command: &mut Command) {
        let variables = [("MCP_URL", &self.url), ("MCP_TOKEN", &self.token), ("MCP_READ_TOKEN", &self.read_token)];
        run(command.envs(variables));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_does_what_a_user_does() {
    if has_python() {
        Agent::new().await.sends(&mut python());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_typescript_clients_do_what_a_user_does() {
    if has_typescript() {
        let agent = Agent::new().await;
        for script in ["client.mjs", "dual.mjs"] {
            agent.sends(&mut node(script));
        }
    }
}

/// The same over the pipes of a process, which an agent starts itself. It is passed no variable of ours.
#[tokio::test(flavor = "multi_thread")]
async fn over_stdio_it_is_the_same() {
    if !only(FIRST, "a place that needs no variables") {
        return;
    }
    let (python_there, typescript_there) = (has_python(), has_typescript());
    if !python_there && !typescript_there {
        return;
    }
    let host = shared();
    let of = |user: &Client| {
        let (binary, data) = (binary().display().to_string(), host.data().display().to_string());
        json!([binary, "mcp", "--data", data, "--user", user.email]).to_string()
    };
    let typescript = || typescript_there.then(|| ["client.mjs", "dual.mjs"].map(node)).into_iter().flatten();
    for mut client in python_there.then(python).into_iter().chain(typescript()) {
        let user = host.someone().await;
        run(client.arg("--stdio").env("MCP_COMMAND", of(&user)));
    }
}

/// Of the conformance tool's scenarios, those that hold of a server with tools and resources of its own. All others call tools, read
/// resources and get prompts of names that only a server made for them has, or want what Tidings has not: prompts, completion, logging,
/// subscriptions, sampling, elicitation, streams, sessions.
const SCENARIOS: [(&str, &str, &[&str]); 4] = [
    (
        // The one that is released knows nothing of 2026-07-28.
        "@modelcontextprotocol/conformance",
        "2025-11-25",
        &["server-initialize", "ping", "tools-list", "resources-list", "dns-rebinding-protection"],
    ),
    ("conformance-next", "2025-06-18", &["server-initialize", "ping", "tools-list", "resources-list"]),
    (
        "conformance-next",
        "2025-11-25",
        &["server-initialize", "ping", "tools-list", "resources-list", "dns-rebinding-protection"],
    ),
    (
        "conformance-next",
        "2026-07-28",
        &[
            "server-stateless",
            "http-header-validation",
            "dns-rebinding-protection",
            "tools-list",
            "resources-list",
            "sep-2164-resource-not-found",
            "caching",
            "server-sse-multiple-streams",
            "input-required-result-unsupported-methods",
        ],
    ),
];

/// It wants to know how long a list of prompts may be kept. There are no prompts.
const OF_PROMPTS: &str = "sep-2549-prompts-list-caching-hints";
/// Made of every scenario, whether it holds of us or not: each message has the shape that the revision gives it.
const SHAPE: &str = "wire-schema-valid";

#[tokio::test(flavor = "multi_thread")]
async fn the_conformance_suite_finds_nothing() {
    if !only(FIRST, "this test: it asks how answers look") || !has_typescript() {
        return;
    }
    let newer = newer_node();
    if !present("Node.js 22.19", newer.is_some()) {
        return;
    }
    let (agent, folder) = (Agent::new().await, tempfile::tempdir().expect("a folder"));
    // The tool sends no token.
    let mut through = node("with-token.mjs");
    through.envs([("MCP_URL", &agent.url), ("MCP_TOKEN", &agent.token)]);
    let mut proxy = Process::start("with-token", &through, folder.path()).expect("it starts");
    let log = folder.path().join("with-token.log");
    let says = || fs::read_to_string(&log).unwrap_or_default();
    proxy.ready(Duration::from_secs(10), || says().ends_with('\n')).expect("it listens");

    for (tool, revision, scenarios) in SCENARIOS {
        let results = folder.path().join(format!("{}-{revision}", tool.replace('/', "-")));
        let mut conformance = Command::new(newer.as_ref().expect("it is there"));
        conformance.arg(package(tool).join("dist/index.js")).args(["server", "--suite", "all", "--url", says().trim()]);
        let (_, out, error) = ended(conformance.args(["--spec-version", revision, "--output-dir"]).arg(&results));
        let checked = checks(&results);
        let faults: Vec<String> = checked.iter().flat_map(|(scenario, checks)| faults(scenario, checks, scenarios)).collect();
        assert!(faults.is_empty(), "{tool}, {revision}:\n{}", faults.join("\n"));
        for scenario in scenarios {
            let found = checked.iter().find(|(name, _)| name == scenario).map_or(&[][..], |(_, checks)| checks.as_slice());
            let held = found.iter().filter(|check| check["status"] == "SUCCESS").count();
            assert!(held > 0, "{tool}, {revision}: {scenario} finds nothing to look at\n{out}{error}");
            println!("{tool}, {revision}: {scenario}: {held} checks");
        }
    }
}

/// What the tool has written into its folder: of each scenario, its checks.
fn checks(results: &Path) -> Vec<(String, Vec<Value>)> {
    let entries = fs::read_dir(results).expect("the tool has written what it found");
    let folders = entries.map(|entry| entry.expect("an entry").path());
    let read = |folder: PathBuf| {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let (name, moment) = (name.strip_prefix("server-").expect("of a server"), "-2026-07-28T00-00-00-000Z");
        let scenario = name.get(..name.len() - moment.len()).expect("a moment").to_owned();
        let text = fs::read_to_string(folder.join("checks.json")).expect("checks");
        (scenario, serde_json::from_str(&text).expect("JSON"))
    };
    folders.map(read).collect()
}

/// What a scenario finds that concerns us.
fn faults(scenario: &str, checks: &[Value], concern: &[&str]) -> Vec<String> {
    let concerns = concern.contains(&scenario);
    let is_fault = |check: &&Value| {
        let failed = check["status"] == "FAILURE" || check["status"] == "WARNING";
        // The tool says by itself where a check wants a tool of its own.
        let is_ours = concerns && check["details"]["untestable"] != true && check["id"] != OF_PROMPTS;
        failed && (is_ours || check["id"] == SHAPE)
    };
    checks.iter().filter(is_fault).map(|check| format!("{scenario}: {}: {}", check["id"], check["errorMessage"])).collect()
}

/// An invocation of the inspector, which is a program for people at a terminal.
struct Inspector {
    node: PathBuf,
    agent: Agent,
    home: tempfile::TempDir,
}

impl Inspector {
    fn asks(&self, era: &str, args: &[&str]) -> (bool, Value) {
        let mut inspector = Command::new(&self.node);
        inspector.arg(package("@modelcontextprotocol/inspector/clients/launcher/build/index.js")).env("HOME", self.home.path());
        inspector.args(["--cli", &self.agent.url, "--transport", "http", "--protocol-era", era, "--stored-auth-only"]);
        inspector.args(["--header", &format!("Authorization: Bearer {}", self.agent.token)]);
        let (success, out, error) = ended(inspector.args(["--format", "json", "--quiet", "--method"]).args(args));
        let answer: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{error}"));
        (success, answer["result"].clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_lists_and_calls() {
    if !only(FIRST, "this test: it asks how answers look") || !has_typescript() {
        return;
    }
    let newer = newer_node();
    if !present("Node.js 22.19", newer.is_some()) {
        return;
    }
    let (agent, home) = (Agent::new().await, tempfile::tempdir().expect("a folder"));
    let inspector = Inspector { node: newer.expect("it is there"), agent, home };
    for era in ["legacy", "modern"] {
        // `--strict` finds fault with schemas that a model's provider would refuse.
        let (success, listed) = inspector.asks(era, &["tools/list", "--strict"]);
        assert!(success, "{listed}");
        assert_eq!(listed["tools"].as_array().expect("tools").len(), 10);
        let (success, added) =
            inspector.asks(era, &["tools/call", "--tool-name", "add_task", "--tool-args-json", r#"{"title": "Look closer"}"#]);
        assert!(success, "{added}");
        assert_eq!(added["structuredContent"]["title"], "Look closer");
        let (success, open) = inspector.asks(era, &["resources/read", "--uri", "tasks://open"]);
        assert!(success && open["contents"][0]["text"].as_str().expect("text").contains("Look closer"), "{open}");
        let (success, refused) =
            inspector.asks(era, &["tools/call", "--tool-name", "add_task", "--tool-args-json", r#"{"title": ""}"#]);
        assert!(!success && refused["isError"] == true, "{refused}");
    }
}
