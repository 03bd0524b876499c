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
pub fn listen(engine: &Arc<Engine>, roles: &Roles, bus: &dyn Bus, clock: &Arc<dyn Clock>, tasks: &Tasks) {
    for (name, subscription) in engine.subscriptions(roles) {
        let component = Component { engine: engine.clone(), name: name.to_owned() };
        let handler = Arc::new(Listening { component, group: subscription.group.as_str().into() });
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
    group: Arc<str>,
}

#[async_trait]
impl Handler for Listening {
    async fn handle(&self, events: &[LoggedEvent]) -> Handled {
        let Heard { done, last } = self.component.engine.hear(&self.component.name, &self.group, events).await;
        Handled { done, trouble: trouble(last) }
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
