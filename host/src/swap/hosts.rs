//! Whether the hosts that share a database run the same components. Each says from time to time what it runs, and reads what the others say.

use crate::clock::Clock;
use crate::engine::Engine;
use crate::store::Store;
use crate::task::Tasks;
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

const EVERY: Duration = Duration::from_secs(5);
/// How long a host is believed that says nothing more, in milliseconds.
const BELIEVED: i64 = 20_000;

/// The digest of each component.
type Runs = BTreeMap<String, String>;

/// What other hosts run otherwise.
#[derive(Clone)]
pub struct Differing(watch::Receiver<Vec<String>>);

impl Differing {
    /// A sentence for each component of which other hosts run another version; none: all run the same, or there is one host.
    pub fn sentences(&self) -> Vec<String> {
        self.0.borrow().clone()
    }
}

/// Says and hears it, until told to stop.
pub fn compare(engine: &Arc<Engine>, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>, tasks: &Tasks) -> Differing {
    let (out, differing) = watch::channel(Vec::new());
    let (engine, store, clock, stop) = (Arc::clone(engine), Arc::clone(store), Arc::clone(clock), tasks.stopping());
    let id = Uuid::now_v7().to_string();
    tasks.spawn("hosts", async move {
        loop {
            let runs: Runs = engine.components().into_iter().map(|status| (status.name, status.digest)).collect();
            let now = clock.now();
            let until = Timestamp::from_millis(now.millis().saturating_add(BELIEVED)).unwrap_or(now);
            // A database that is away is complained about by whoever needs it.
            if let Ok(all) = store.tell_hosts(&id, &domain::json::text(&runs), now, until).await {
                let others = all.iter().filter(|(host, _)| *host != id).filter_map(|(_, said)| serde_json::from_str(said).ok());
                let differs = differences(&runs, &others.collect::<Vec<Runs>>());
                if *out.borrow() != differs {
                    tracing::warn!(?differs, "what the hosts of this database run has changed");
                    _ = out.send(differs);
                }
            }
            if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    });
    Differing(differing)
}

fn differences(here: &Runs, others: &[Runs]) -> Vec<String> {
    let differs = |(name, digest): (&String, &String)| {
        let count = others.iter().filter(|runs| runs.get(name).is_some_and(|other| other != digest)).count();
        metrics::gauge!("tidings_component_differs", "component" => name.clone()).set(count as f64);
        let sentence = format!("{name} is {digest} here, and another on {count} of {} other hosts", others.len());
        (count > 0).then_some(sentence)
    };
    here.iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_and_counted() {
        let runs = |digest: &str| Runs::from([("todos".to_owned(), digest.to_owned()), ("web".to_owned(), "w".to_owned())]);
        assert!(differences(&runs("a"), &[]).is_empty() && differences(&runs("a"), &[runs("a")]).is_empty());
        let differs = differences(&runs("a"), &[runs("a"), runs("b"), Runs::new()]);
        assert_eq!(differs, ["todos is a here, and another on 1 of 3 other hosts"]);
    }
}
