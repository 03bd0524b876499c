//! Brings components what they act on: to each that hears events, its group's; to each that acts at moments, the time.
//!
//! What must not live here: what an event or a moment means; how a component is run.

use crate::clock::Clock;
use crate::engine::{Engine, Fault, Heard, TickError, Verdict};
use crate::events::{Bus, Consumer, Handled, Handler, Trouble};
use crate::roles::Roles;
use crate::schedule::{Asking, Schedule, Ticker};
use crate::store::{LoggedEvent, Store};
use crate::task::Tasks;
use async_trait::async_trait;
use domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// One component.
struct Component {
    engine: Arc<Engine>,
    name: String,
}

/// Starts consumers for each component of these roles that hears events.
pub fn listen(engine: &Arc<Engine>, roles: &Roles, bus: &dyn Bus, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>, tasks: &Tasks) {
    for (name, subscription) in engine.subscriptions(roles) {
        let component = Component { engine: engine.clone(), name: name.to_owned() };
        let handler = Arc::new(Listening { component, store: store.clone(), group: subscription.group.as_str().into() });
        let (group, types) = (subscription.group.clone(), subscription.types.clone());
        let (clock, tasks) = (clock.clone(), tasks.clone());
        let start = move |source| Consumer::new(&group, &types, source, handler.clone(), clock.clone(), tasks.clone());
        bus.consume(&subscription.group, &subscription.topics, Box::new(start));
    }
}

/// Starts a schedule for each component of these roles that acts at moments; to ask them out of turn.
pub fn act_on_time(
    engine: &Arc<Engine>,
    roles: &Roles,
    store: &Arc<dyn Store>,
    clock: &Arc<dyn Clock>,
    tasks: &Tasks,
) -> Vec<Asking> {
    let start = |(name, agenda): (&str, bool)| {
        let ticker = Component { engine: engine.clone(), name: name.to_owned() };
        let (mut schedule, asking) = Schedule::new(name, Arc::new(ticker), store.clone(), clock.clone(), agenda);
        let stopping = tasks.stopping();
        tasks.spawn("schedule", async move { schedule.run(stopping).await });
        asking
    };
    engine.scheduled(roles).map(start).collect()
}

#[async_trait]
impl Ticker for Component {
    async fn tick(&self, now: Timestamp) -> Result<Option<Timestamp>, TickError> {
        self.engine.tick(&self.name, now).await
    }
}

/// A component in the name of its group.
struct Listening {
    component: Component,
    /// What its sessions work with.
    store: Arc<dyn Store>,
    group: Arc<str>,
}

#[async_trait]
impl Handler for Listening {
    async fn handle(&self, events: &[LoggedEvent]) -> Handled {
        let Heard { done, last } = self.component.engine.hear(&self.component.name, &self.group, events).await;
        Handled { done, trouble: judged(trouble(last), self.store.as_ref()).await }
    }
}

/// A failure while the store cannot serve is the store's, not the event's.
async fn judged(trouble: Option<Trouble>, store: &dyn Store) -> Option<Trouble> {
    match trouble {
        Some(Trouble::Retry { .. }) => store.check().await.err().map(|away| Trouble::StoreAway(away.to_string())).or(trouble),
        _ => trouble,
    }
}

fn trouble(last: Result<Verdict, Fault>) -> Option<Trouble> {
    let again = |reason: String, after| Some(Trouble::Retry { reason, after });
    match last {
        Ok(Verdict::Done) => None,
        Ok(Verdict::Retry(after)) => again("the component asked for it again".to_owned(), after),
        Ok(Verdict::Reject(reason)) => Some(Trouble::Reject(reason)),
        Err(Fault::Overloaded | Fault::NoComponent) => Some(Trouble::Busy),
        Err(fault @ (Fault::Trapped | Fault::TimedOut | Fault::OutOfMemory)) => again(fault.to_string(), Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::SqliteStore;

    #[tokio::test]
    async fn a_failure_while_the_store_cannot_serve_is_not_the_events() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let (asked, timed_out) = (|| trouble(Ok(Verdict::Retry(Duration::ZERO))), || trouble(Err(Fault::TimedOut)));
        assert_eq!(judged(asked(), &store).await, asked());
        store.close().await;
        for failed in [asked(), timed_out()] {
            assert!(matches!(judged(failed, &store).await, Some(Trouble::StoreAway(_))));
        }
        let refused = || trouble(Ok(Verdict::Reject("no".to_owned())));
        assert_eq!((judged(refused(), &store).await, judged(None, &store).await), (refused(), None));
    }
}
