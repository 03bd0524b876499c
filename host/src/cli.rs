//! The command line. It reads the configuration, runs one command, and says in one line what went wrong.
//!
//! Exit codes: 0, 1 for a failure, 2 for a command line that makes no sense.

mod components;
mod mcp;

use crate::admin::client::RunningHost;
use crate::admin::{self, Moved, Replay, TokenWanted, Wanted};
use crate::config::options::{OPTIONS, Opt, Reach};
use crate::config::{Config, Sources, parse_duration};
use crate::engine::{self, Engine};
use crate::events::DEAD_LETTERS;
use crate::events::kafka::{self, KafkaConfig};
use crate::host::{self, Foundation};
use crate::ports::Backing;
use crate::store;
use crate::store::postgres::PostgresStore;
use crate::task::Tasks;
use crate::telemetry;
use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use domain::event::TOPICS;
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use uuid::Uuid;

/// Runs the program. `bundle` is the tar of the components that it carries.
pub fn main(bundle: &'static [u8]) -> ExitCode {
    let matches = command().get_matches();
    match run(&matches, bundle) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has gone, as `head` does.
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe) => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tidings: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(matches: &ArgMatches, bundle: &'static [u8]) -> anyhow::Result<()> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    if name == "precompile" {
        let path = |id: &str| matches.get_one::<PathBuf>(id).cloned().unwrap_or_default();
        return engine::precompile(&path("from"), &path("to"));
    }
    let config = Config::read(&sources(matches))?;
    if matches!(name, "up" | "check" | "mcp") {
        telemetry::log(&config.log)?;
        config.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
    }
    let runtime = runtime(if name == "up" { config.threads } else { Some(1) })?;
    let ended = runtime.block_on(async {
        match name {
            "up" => host::up(config, bundle, matches.get_flag("until-eof")).await,
            "mcp" => mcp::serve(&config, matches, flags(matches)).await,
            "token" => token(config, matches).await,
            "check" => check(&config, bundle).await,
            "components" => components::show(&config, matches).await,
            "swap" => components::swap(&config, matches).await,
            "events" => events(&config, matches).await,
            "clock" => clock(&config, matches).await,
            _ => migrate(&config).await,
        }
    });
    // What blocks a thread now is nobody's business any more.
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

fn runtime(threads: Option<usize>) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    // Busy guests hold the workers for a turn each; sockets and timers are looked at after so many turns, by default 61.
    builder.event_interval(16).thread_name("worker").enable_all().build().context("the threads cannot be started")
}

fn sources(matches: &ArgMatches) -> Sources {
    let flag = |option: &Opt| {
        let value = matches.try_get_one::<String>(option.key).ok().flatten()?;
        Some((option.key.to_owned(), value.clone()))
    };
    let flags: BTreeMap<String, String> = OPTIONS.iter().filter_map(flag).collect();
    Sources::of_process(flags, matches.get_one::<PathBuf>("config").cloned())
}

/// The flags that were given, to be given to another command that takes them.
fn flags(matches: &ArgMatches) -> Vec<String> {
    let Sources { flags, .. } = sources(matches);
    let given = OPTIONS.iter().filter_map(|option| Some([format!("--{}", option.flag()), flags.get(option.key)?.clone()]));
    let config = matches.get_one::<PathBuf>("config").map(|path| ["--config".to_owned(), path.display().to_string()]);
    given.chain(config).flatten().collect()
}

async fn token(config: Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let email = matches.get_one::<String>("user").cloned().unwrap_or_default();
    let lifetime = matches.get_one::<Duration>("ttl").copied().unwrap_or_default();
    let wanted = TokenWanted { email, lifetime_seconds: lifetime.as_secs() };
    let token = match RunningHost::find(&config.data).await? {
        Some(host) => host.token(&wanted).await?,
        None => {
            let tasks = Tasks::default();
            let foundation = Foundation::open(&config, &tasks).await?;
            let token = admin::token(&foundation.identity, &wanted).await;
            foundation.store.close().await;
            token?
        }
    };
    Ok(writeln!(std::io::stdout(), "{token}")?)
}

/// Whatever would keep `up` from serving, short of taking the listeners and the data folder, and of changing a database.
async fn check(config: &Config, bundle: &'static [u8]) -> anyhow::Result<()> {
    let bundle = host::bundle(config, bundle)?;
    let scratch = scratch_folder()?;
    let checked = async {
        if let Some(database) = &config.database {
            PostgresStore::try_out(database).await?;
        }
        let scratch_config = Config { data: scratch.clone(), database: None, ..config.clone() };
        let Foundation { store, identity, clock, .. } = Foundation::open(&scratch_config, &Tasks::default()).await?;
        let loaded = Engine::load(bundle, &Backing { memory: store.clone(), store: store.clone(), clock, identity });
        store.close().await;
        loaded
    }
    .await;
    std::fs::remove_dir_all(&scratch).ok();
    let engine = checked?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "configuration: good")?;
    if let Some(database) = &config.database {
        writeln!(out, "database: {database}, good")?;
    }
    writeln!(out, "components: all good; each may do this, and nothing else:")?;
    components::grants(&mut out, engine.specs())?;
    drop(out);
    match &config.kafka {
        Some(kafka) => check_broker(kafka).await,
        None => Ok(()),
    }
}

/// The broker need not be there for `up` to serve, but whoever checks wants to know.
async fn check_broker(config: &KafkaConfig) -> anyhow::Result<()> {
    let missing = kafka::missing_topics(config).await.map_err(|reason| anyhow::anyhow!("the broker: {reason}"))?;
    let topics = if missing.is_empty() { "all there".to_owned() } else { format!("to be made: {}", missing.join(", ")) };
    Ok(writeln!(std::io::stdout(), "broker: good; topics {topics}")?)
}

/// A data folder for nobody, so that checking leaves the real one alone.
fn scratch_folder() -> anyhow::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("tidings-check-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    Ok(path)
}

async fn events(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    if let Some(("replay", matches)) = matches.subcommand() {
        let wanted = Replay { topic: matches.get_one::<String>("topic").cloned(), id: matches.get_one::<Uuid>("id").copied() };
        let sent = RunningHost::need(&config.data).await?.replay(&wanted).await?;
        return Ok(writeln!(std::io::stdout(), "sent again: {sent}")?);
    }
    let wanted = Wanted { topic: matches.get_one::<String>("topic").cloned(), follow: matches.get_flag("follow") };
    RunningHost::need(&config.data).await?.events(&wanted, &mut std::io::stdout()).await
}

async fn clock(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let to = matches.get_one::<Timestamp>("to").copied().map(Moved::To);
    let by = matches.get_one::<Duration>("by").map(|by| Moved::By(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)));
    let moved = to.or(by).context("name a moment with --to, or a time with --by")?;
    let now = RunningHost::need(&config.data).await?.move_clock(&moved).await?;
    Ok(writeln!(std::io::stdout(), "{now}")?)
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let place = match &config.database {
        Some(database) => {
            PostgresStore::migrate(database).await?;
            database.to_string()
        }
        None => {
            store::open(&config.data, None).await?.close().await;
            config.data.display().to_string()
        }
    };
    writeln!(std::io::stdout(), "the tables in {place} are up to date")?;
    if let Some(kafka) = &config.kafka {
        kafka::make_topics(kafka).await.map_err(|reason| anyhow::anyhow!("the broker: {reason}"))?;
        writeln!(std::io::stdout(), "the topics on {} are there", kafka.brokers)?;
    }
    Ok(())
}

fn command() -> Command {
    let host_options = || OPTIONS.iter().filter(|option| option.reach == Reach::Host).map(argument);
    let user = Arg::new("user").long("user").value_name("EMAIL").required(true).help("Whose token: the address that signed up");
    let ttl = Arg::new("ttl").long("ttl").value_name("TIME").default_value("1h").help("How long it is good, such as 30m, 1h, 7d");
    let ttl = ttl.value_parser(|text: &str| parse_duration(text).and_then(at_least_a_second));
    let topic = Arg::new("topic").long("topic").value_name("T").help("Only this topic");
    let letters = TOPICS.map(|topic| format!("{topic}{DEAD_LETTERS}"));
    let topic = topic.value_parser(PossibleValuesParser::new(TOPICS.map(str::to_owned).into_iter().chain(letters.clone())));
    let dead = Arg::new("topic").long("topic").value_name("T").help("Only dead letters of this topic");
    let dead = dead.value_parser(PossibleValuesParser::new(letters));
    let id = Arg::new("id").long("id").value_name("ID").value_parser(|text: &str| Uuid::try_parse(text));
    let id = id.help("Only the event of this id, also where it was sent again before");
    let replay = "Sends dead letters to the topics where they came from, those that were not sent again before";
    let to = Arg::new("to").long("to").value_name("TIME").value_parser(|text: &str| Timestamp::parse(text));
    let by = Arg::new("by").long("by").value_name("TIME").value_parser(|text: &str| parse_duration(text)).conflicts_with("to");
    let follow = Arg::new("follow").long("follow").action(ArgAction::SetTrue).help("Go on as events happen, until Ctrl-C");
    let log = Arg::new("log")
        .long("log")
        .action(ArgAction::SetTrue)
        .help("The audit log instead: what was replaced, one CloudEvent a line");
    let name = Arg::new("name").value_name("NAME").required(true).help("Which component, as `tidings components` names it");
    let file = Arg::new("file").value_name("FILE.wasm").value_parser(clap::value_parser!(PathBuf));
    let file = file.required_unless_present("rollback").conflicts_with("rollback").help("What is to serve in its place");
    let rollback = Arg::new("rollback").long("rollback").action(ArgAction::SetTrue).help("Go back to the version before");
    let until_eof =
        Arg::new("until-eof").long("until-eof").action(ArgAction::SetTrue).hide(true).help("Also ends when stdin does");
    let whose = Arg::new("user")
        .long("user")
        .value_name("EMAIL")
        .required(true)
        .help("For whom the agent works: the address that signed up");
    let path = |id: &'static str| Arg::new(id).required(true).value_parser(clap::value_parser!(PathBuf));
    Command::new("tidings")
        .about("An event-driven todo system: every change is an event")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .args(OPTIONS.iter().filter(|option| option.reach == Reach::Everywhere).map(|option| argument(option).global(true)))
        .arg(config_argument())
        .after_help(
            "Every option is also a variable (TIDINGS_…) and a key of the configuration file; the flag wins over the variable, the \
             variable over the file. Secrets have no flag: TIDINGS_JWT_SECRET, TIDINGS_DATABASE_URL and TIDINGS_KAFKA_SASL_PASSWORD, or \
             files named by --jwt-secret-file, --database-url-file and --kafka-sasl-password-file.",
        )
        .subcommand(Command::new("up").about("Runs Tidings until Ctrl-C or SIGTERM").args(host_options()).arg(until_eof))
        .subcommand(Command::new("mcp").about("Serves an AI agent of this machine over stdin and stdout (Model Context Protocol)").arg(whose))
        .subcommand(Command::new("token").about("Prints a bearer token, made with the key of the data folder or of the database").args([user, ttl]))
        .subcommand(
            Command::new("check").about("Reads configuration and components, and reports every fault at once").args(host_options()),
        )
        .subcommand(
            Command::new("components").about("Shows what runs: name, version, digest, since when, requests, faults, previous").arg(log),
        )
        .subcommand(
            Command::new("swap")
                .about("Replaces a component of the running host; nobody who is served notices")
                .args([name, file, rollback]),
        )
        .subcommand(
            Command::new("events")
                .about("Prints the log, one CloudEvent a line")
                .args([topic, follow])
                .args_conflicts_with_subcommands(true)
                .subcommand(Command::new("replay").about(replay).args([dead, id])),
        )
        .subcommand(Command::new("migrate").about("Makes the tables of the database and, where brokers are given, the topics, or brings them up to date; `up` does so too"))
        .subcommand(
            Command::new("clock").hide(true).about("Moves the clock of a host that runs with TIDINGS_TEST_CLOCK").args([to, by]),
        )
        .subcommand(
            Command::new("precompile").hide(true).about("Compiles the components of a bundle (a step of the build)").args([path("from"), path("to")]),
        )
}

fn at_least_a_second(time: Duration) -> Result<Duration, String> {
    if time < Duration::from_secs(1) { Err("a token is good for a second or more".to_owned()) } else { Ok(time) }
}

/// The flag of an option; its variable and default stand in the help, for its value is looked for in `config`.
fn argument(option: &'static Opt) -> Arg {
    let default = option.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
    let help = format!("{} [env: {}]{default}", option.help, option.variable());
    let argument = Arg::new(option.key).long(option.flag()).value_name(option.value).help(help);
    // A switch is on where it is only named.
    if option.value == "SWITCH" { argument.num_args(0..=1).default_missing_value("on") } else { argument }
}

fn config_argument() -> Arg {
    let help = "The configuration file (TOML), whose keys are the options with _ for - [env: TIDINGS_CONFIG]";
    Arg::new("config").long("config").value_name("FILE").global(true).value_parser(clap::value_parser!(PathBuf)).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        command().debug_assert();
    }

    #[test]
    fn flags_reach_the_configuration() {
        let arguments = ["tidings", "up", "--listen", "127.0.0.1:0", "--data", "/tmp/x"];
        let matches = command().try_get_matches_from(arguments).unwrap();
        let sources = sources(matches.subcommand().unwrap().1);
        assert_eq!(sources.flags["listen"], "127.0.0.1:0");
        assert_eq!(sources.flags["data"], "/tmp/x");
    }

    #[test]
    fn no_secret_has_a_flag() {
        let help = command().find_subcommand_mut("up").unwrap().render_long_help().to_string();
        assert!(!help.contains("--jwt-secret <") && help.contains("--jwt-secret-file"), "{help}");
        assert!(help.contains("TIDINGS_OPS_LISTEN"), "{help}");
    }

    #[test]
    fn nonsense_is_a_fault_of_usage() {
        for arguments in
            [vec!["tidings", "swap"], vec!["tidings", "token"], vec!["tidings", "token", "--user", "x", "--ttl", "0s"]]
        {
            assert_eq!(command().try_get_matches_from(&arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
        }
    }
}
