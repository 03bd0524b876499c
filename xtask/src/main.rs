//! `cargo xtask …`: the only tool a newcomer needs. Each command is a list of steps that could be typed by hand.

mod build;
mod cluster;
mod dapr;
mod examples;
mod kafka;
mod mcp;
mod system;
mod tidy;
mod web;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use parts::{Kafka, Mesh, Redis};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs, tests and measures Tidings.")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the components and `target/release/tidings`, which carries them.
    Build,
    /// Builds, then runs `tidings up` with these arguments.
    Up {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Builds, then runs every test; arguments go to the test programs, such as a part of a test's name.
    Test {
        /// A part that is missing on this machine is a failure, not a skip.
        #[arg(long)]
        require_all: bool,
        /// Only this set-up of the end-to-end tests: embedded, kafka, dapr or spin; all, unless it is given.
        #[arg(long)]
        setup: Option<String>,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Builds, then runs all of a cluster on this machine until Ctrl-C: PostgreSQL, Kafka, Redis, Dapr, every role.
    Cluster,
    /// Builds, then takes one part of a cluster after the other away, and writes what came of it into `docs/faults.md`. Half an hour.
    Chaos {
        /// How long each part is away.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only what has this in its name, such as "PostgreSQL"; the file stays as it is.
        #[arg(long)]
        only: Option<String>,
    },
    /// What the gate runs: formatting, lints, licences, tidiness, then the tests.
    Ci,
    /// Builds, then measures; arguments name the measures to take, `--cluster` those of a cluster, `--web` those of the dashboard.
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Checks file length, layering and dead files.
    Tidy,
    /// Builds the dashboard's files, which the component `web` carries; `spin build` does so before that component.
    Web,
}

fn main() -> ExitCode {
    match task(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn task(task: Task) -> Result<()> {
    match task {
        Task::Build => {
            let binary = build::build()?;
            println!("built {}", binary.display());
            Ok(())
        }
        Task::Up { args } => {
            let binary = build::build()?;
            run(Command::new(binary).arg("up").args(args))
        }
        Task::Test { require_all, setup, args } => test(require_all, setup.as_deref(), &args),
        Task::Cluster => cluster::run(),
        Task::Chaos { seconds, only } => {
            system::for_the_tests()?;
            let binary = build::build()?;
            kafka::jars()?;
            dapr::programs()?;
            run(&mut native(&["build", "--release", "--bin", "bench"]))?;
            let mut chaos = Command::new(target().join("release/bench"));
            chaos.arg("chaos").arg(seconds.to_string()).env("IT_BINARY", binary);
            run(match only {
                Some(only) => chaos.args(["--only", &only]),
                None => chaos.arg(root().join("docs/faults.md")),
            })
        }
        Task::Ci => ci(),
        Task::Bench { args } => {
            if args.iter().any(|arg| arg.contains("cluster")) {
                system::for_the_tests()?;
                kafka::jars()?;
                dapr::programs()?;
            }
            if args.iter().any(|arg| arg == "--web") {
                system::for_the_tests()?;
                let binary = build::build()?;
                return run(browser(&binary)?.arg("bench.mjs"));
            }
            let binary = build::build()?;
            build::fixtures()?;
            run(&mut native(&["build", "--release", "--bin", "bench"]))?;
            run(Command::new(target().join("release/bench")).args(args).env("IT_BINARY", binary))
        }
        Task::Tidy => tidy::tidy(),
        Task::Web => web::build(),
    }
}

/// What the end-to-end tests run on, each in a run of their own. The other tests run with the first.
const SETUPS: [&str; 4] = ["embedded", "kafka", "dapr", "spin"];

fn test(require_all: bool, setup: Option<&str>, args: &[String]) -> Result<()> {
    if let Some(unknown) = setup.filter(|setup| !SETUPS.contains(setup)) {
        bail!("`{unknown}` is no set-up: there are {}", SETUPS.join(", "));
    }
    system::for_the_tests()?;
    let missing = !system::has_postgres();
    let binary = build::build()?;
    build::fixtures()?;
    examples::build()?;
    mcp::clients()?;
    kafka::jars()?;
    dapr::programs()?;
    let parts = [
        ("PostgreSQL", !missing, &["kafka", "dapr"][..]),
        ("Kafka", Kafka::present(), &["kafka", "dapr"]),
        ("Dapr", Mesh::present(), &["dapr"]),
        ("Redis", Redis::present(), &["dapr"]),
        ("Spin (its program, by SPIN or on the PATH)", system::has_spin(), &["spin"]),
    ];
    let mut selection: &[&str] = &[];
    for name in SETUPS.into_iter().filter(|name| setup.is_none_or(|setup| setup == *name)) {
        let lacking = parts.iter().find(|(_, there, of)| !there && of.contains(&name));
        if let Some((part, ..)) = lacking {
            if require_all {
                bail!("{part} is missing, and every part is required");
            }
            println!("skipped: the set-up {name}; {part} is missing");
            continue;
        }
        let mut command = native(&["test", "--release"]);
        command.args(selection).arg("--").args(args);
        command.env("IT_BINARY", &binary).env("IT_SETUP", name).env("IT_MCP", mcp::folder());
        if missing && !require_all {
            command.args(["--skip", "store::postgres"]);
        }
        if require_all {
            command.env("IT_REQUIRE_ALL", "1");
        }
        if name == "spin" {
            command.args(not_under_spin()?.iter().flat_map(|test| ["--skip", test]));
        }
        run(&mut command)?;
        selection = &["--test", "it"];
        if name == "embedded" {
            dashboard(&binary, require_all, args)?;
        }
    }
    Ok(())
}

/// The end-to-end tests that are about what the stock Spin CLI has not, by what their names begin with.
fn not_under_spin() -> Result<Vec<String>> {
    let list = std::fs::read_to_string(root().join("tests/spin-has-not.txt")).context("cannot read tests/spin-has-not.txt")?;
    let names = list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

/// The dashboard's tests, in Chromium. A part of a test's name may be given.
fn dashboard(binary: &Path, require_all: bool, args: &[String]) -> Result<()> {
    if !system::has_browser() && !require_all {
        println!("skipped: the tests of the dashboard; Chromium, Node.js or npm is missing");
        return Ok(());
    }
    let mut node = browser(binary)?;
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"]);
    if let Some(name) = args.first().filter(|arg| !arg.starts_with('-')) {
        node.arg(format!("--test-name-pattern={name}"));
    }
    if require_all {
        node.env("IT_REQUIRE_ALL", "1");
    }
    run(&mut node)
}

/// Node.js where the dashboard's tests are, with what drives the browser.
fn browser(binary: &Path) -> Result<Command> {
    let folder = root().join("tests/web");
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&folder))?;
    let mut node = Command::new("node");
    node.current_dir(&folder).env("IT_BINARY", binary);
    Ok(node)
}

fn ci() -> Result<()> {
    system::for_the_build()?;
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    tidy::tidy()?;
    ensure_deny()?;
    run(&mut cargo(&["fetch", "--locked"]))?;
    run(&mut cargo(&["deny", "--offline", "check", "licenses", "sources", "bans"]))?;
    run(native(&["clippy", "--release", "--all-targets"]).args(["--", "-D", "warnings"]))?;
    web::build()?;
    let mut clippy = cargo(&["clippy", "--release", "--target", WASM]);
    let packages = [build::components()?, build::for_spin()?].concat();
    run(clippy.args(packages.iter().flat_map(|name| ["--package", name])).args(["--", "-D", "warnings"]))?;
    run(
        cargo(&["clippy", "--profile", "web", "--target", web::BROWSER, "--package", "dashboard"]).args(["--", "-D", "warnings"])
    )?;
    test(true, None, &[])
}

/// cargo-deny is a program of its own; it is built once into the target folder, from the registry.
fn ensure_deny() -> Result<()> {
    let have = Command::new("cargo").args(["deny", "--version"]).output().is_ok_and(|out| out.status.success());
    if have { Ok(()) } else { run(&mut cargo(&["install", "--locked", "--version", "0.20.2", "cargo-deny"])) }
}

/// The standard library for a target. rustup installs it by itself with the toolchain of `rust-toolchain.toml`, but not
/// into one that is there already, nor where that is switched off.
fn ensure_target(name: &str) -> Result<()> {
    let library = Command::new("rustc").current_dir(root()).args(["--print", "target-libdir", "--target", name]).output();
    let library = library.context("cannot start rustc")?.stdout;
    let have = Path::new(String::from_utf8_lossy(&library).trim()).is_dir();
    if have { Ok(()) } else { run(Command::new("rustup").current_dir(root()).args(["target", "add", name])) }
}

/// The packages that are built for this machine.
const NATIVE: [&str; 9] = ["board", "domain", "guest", "mcp-server", "spin-host", "tidings", "it", "parts", "xtask"];
/// What components are built for.
const WASM: &str = "wasm32-wasip2";

/// Where the workspace is.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo builds.
#[allow(clippy::disallowed_methods, reason = "xtask has no configuration of its own")]
fn target() -> PathBuf {
    match std::env::var("CARGO_TARGET_DIR") {
        Ok(folder) => root().join(folder),
        Err(_) => root().join("target"),
    }
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).args(args);
    command
}

/// A cargo command for all native packages: always the same selection, so that cargo resolves the same features and
/// nothing is built twice.
fn native(args: &[&str]) -> Command {
    let mut command = cargo(args);
    command.args(NATIVE.iter().flat_map(|package| ["--package", package]));
    command
}

/// Runs to its end; anything but success is an error that names the command.
fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().with_context(|| format!("cannot start {shown}"))?;
    if !status.success() {
        bail!("{shown} ended with {status}");
    }
    Ok(())
}
