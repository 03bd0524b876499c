//! What the commands about components print.

use crate::admin::client::RunningHost;
use crate::config::Config;
use crate::engine::{ComponentSpec, LARGEST, too_large};
use crate::swap::Swapped;
use anyhow::{Context, bail};
use clap::ArgMatches;
use std::io::Write;
use std::path::PathBuf;

/// `tidings components`.
pub async fn show(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let host = RunningHost::need(&config.data).await?;
    if matches.get_flag("log") {
        return Ok(write!(std::io::stdout(), "{}", host.swaps().await?)?);
    }
    let head = ["NAME", "VERSION", "DIGEST", "SINCE", "REQUESTS", "FAULTS", "PREVIOUS"];
    let row = |c: crate::admin::Component| {
        let previous = c.previous.unwrap_or_else(|| "-".to_owned());
        [c.name, c.version, c.digest, c.since, c.requests.to_string(), c.faults.to_string(), previous]
    };
    table(&mut std::io::stdout().lock(), head, host.components().await?.into_iter().map(row))
}

/// `tidings swap`.
pub async fn swap(config: &Config, matches: &ArgMatches) -> anyhow::Result<()> {
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let wasm = matches.get_one::<PathBuf>("file").map(read).transpose()?;
    let goes_back = wasm.is_none();
    let Swapped { component, from, to, ready_millis, switch_micros, probation_seconds } =
        RunningHost::need(&config.data).await?.swap(&name, wasm).await?;
    let mut out = std::io::stdout().lock();
    if from == to {
        return Ok(writeln!(out, "{component} runs {to} already")?);
    }
    writeln!(out, "{component}: {from} -> {to}")?;
    writeln!(out, "ready after {:.1} s, switched in {:.3} ms", ready_millis as f64 / 1e3, switch_micros as f64 / 1e3)?;
    if !goes_back {
        writeln!(out, "on probation for {probation_seconds} s; `tidings swap {component} --rollback` goes back at any time")?;
    }
    Ok(())
}

fn read(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("{shown} cannot be read"))?.len();
    if size > LARGEST {
        bail!("{shown}: {}", too_large(size));
    }
    std::fs::read(path).with_context(|| format!("{shown} cannot be read"))
}

/// What each component is granted, as `tidings check` shows it.
pub fn grants<'a>(out: &mut impl Write, specs: impl Iterator<Item = (&'a str, &'a ComponentSpec)>) -> anyhow::Result<()> {
    let head = ["COMPONENT", "ROLE", "IMPORTS", "OUTBOUND", "HEARS", "MEMORY", "DEADLINE", "STREAM", "AT ONCE", "QUEUE", "REUSE"];
    let or_none = |list: Vec<&str>| if list.is_empty() { "-".to_owned() } else { list.join(",") };
    let row = |(name, spec): (&str, &ComponentSpec)| {
        let limits = spec.limits;
        let hears = spec.subscription.iter().flat_map(|subscription| &subscription.topics).map(String::as_str);
        [
            name.to_owned(),
            spec.role.name().to_owned(),
            or_none(spec.ports.iter().map(|port| port.name()).collect()),
            "-".to_owned(),
            or_none(hears.collect()),
            format!("{} MiB", limits.memory >> 20),
            format!("{:?}", limits.deadline),
            format!("{:?}", limits.stream),
            limits.concurrency.to_string(),
            limits.queue.to_string(),
            limits.reuse.to_string(),
        ]
    };
    table(out, head, specs.map(row))
}

/// Columns as wide as what stands in them.
fn table<const N: usize>(out: &mut impl Write, head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> anyhow::Result<()> {
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default();
    for row in &rows {
        let cells: Vec<String> = row.iter().enumerate().map(|(at, cell)| format!("{cell:0$}", width(at))).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}
