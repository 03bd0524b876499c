//! What one version of a component did so far: its numbers, and the one place that logs and counts a fault.

use super::fault::Fault;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The numbers of one version.
pub(super) struct Counters {
    pub name: Arc<str>,
    /// Events and moments count as requests.
    requests: AtomicU64,
    faults: AtomicU64,
    /// Answers that said themselves that something went wrong: 500.
    errors: AtomicU64,
    /// It has been let at what people ask. What it did before was a try, whose failure is no alarm.
    serves: AtomicBool,
    /// What it last failed of.
    last: Mutex<String>,
}

/// How a version is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Requests, events and moments.
    pub calls: u64,
    /// Those that ended in a fault, or in a 500. That there was no place for one is no fault of the version's.
    pub failed: u64,
}

impl Counters {
    pub fn new(name: &str) -> Self {
        let (requests, faults, errors) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self { name: name.into(), requests, faults, errors, serves: AtomicBool::new(false), last: Mutex::default() }
    }

    /// From now on it serves.
    pub fn begin(&self) {
        self.serves.store(true, Ordering::Relaxed);
    }

    /// One more is asked of it.
    pub fn asked(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    pub fn health(&self) -> Health {
        Health { calls: self.requests(), failed: self.faults() + self.errors.load(Ordering::Relaxed) }
    }

    /// What it last failed of.
    pub fn last_failure(&self) -> String {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts one call and how long it took.
    pub fn measure(&self, status: &str, start: Instant) {
        if status == "500" {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        let component = self.name.to_string();
        metrics::counter!("tidings_component_requests_total", "component" => component.clone(), "status" => status.to_owned())
            .increment(1);
        metrics::histogram!("tidings_component_duration_seconds", "component" => component).record(start.elapsed().as_secs_f64());
    }

    /// The one place that logs and counts a fault.
    pub fn fault(&self, fault: Fault, request_id: &str, why: &str) {
        let reason = fault.reason();
        if fault != Fault::Overloaded {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = format!("{fault}: {why}");
        }
        if !self.serves.load(Ordering::Relaxed) {
            return;
        }
        if fault == Fault::Overloaded {
            tracing::warn!(component = &*self.name, reason, request_id, why, "a component is overloaded");
        } else {
            self.faults.fetch_add(1, Ordering::Relaxed);
            tracing::error!(component = &*self.name, reason, request_id, why, "a component failed");
        }
        metrics::counter!("tidings_component_faults_total", "component" => self.name.to_string(), "reason" => reason)
            .increment(1);
    }
}
