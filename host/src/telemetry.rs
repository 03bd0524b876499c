//! What an operator sees of a running host: its log on standard error, and its metrics.
//!
//! What must not live here: decisions about what is worth a line or a number; those stand where the thing happens.

use crate::config::{LogConfig, LogFormat};
use crate::engine::INDISCREET;
use anyhow::Context;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::io::IsTerminal;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::prelude::*;

/// Seconds. Fine where an answer from memory or SQLite falls, coarse up to the deadline of a request.
const LATENCY_BUCKETS: &[f64] =
    &[0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Begins to log. Once a process; `Err` where something else has begun already.
pub fn log(config: &LogConfig) -> anyhow::Result<()> {
    let human = match config.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let filter = EnvFilter::try_new(&config.filter).context("the log filter")?;
    // Without the hint of a level, each of wasmtime's trace points would be asked about, and there are many in one request.
    let filter = filter.and(filter_fn(is_discreet).with_max_level_hint(LevelFilter::TRACE));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let begun = if human {
        let layer = layer.with_target(false).with_ansi(std::io::stderr().is_terminal());
        tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()
    } else {
        let layer = layer.json().flatten_event(true).with_current_span(false).with_span_list(true);
        tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()
    };
    begun.map_err(|error| anyhow::anyhow!("the log cannot begin: {error}"))
}

/// Whether what is logged there can be no secret. No filter of an operator brings back what is not.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with(INDISCREET) || *metadata.level() <= Level::INFO
}

/// The numbers of this process, for `/metrics`.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Begins to count. Once a process.
    pub fn begin() -> anyhow::Result<Self> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), LATENCY_BUCKETS)
            .context("the buckets of the metrics")?
            .build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|_| anyhow::anyhow!("the metrics have begun already"))?;
        Ok(Self(handle))
    }

    /// Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// How often [`Metrics::tidy`] wants to be called.
    pub const TIDY_EVERY: Duration = Duration::from_secs(5);

    /// Moves what was measured into its buckets, so that it does not pile up between two looks at `/metrics`.
    pub fn tidy(&self) {
        self.0.run_upkeep();
    }
}
