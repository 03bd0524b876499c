//! Calls that the host makes of its own accord: of an event, of a moment. Each has a fresh instance, but that consecutive
//! events of one user may share one; each has the limits of a request.

use super::bindings::consumer::{Consumer, ConsumerPre, Disposition, Event};
use super::bindings::scheduled::ScheduledPre;
use super::fault::Fault;
use super::instance::{InstanceState, Maker};
use super::turn::Turn;
use crate::store::LoggedEvent;
use domain::event::DATA_VERSION;
use domain::ports::Failure;
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use wasmtime::Store;
use wasmtime::component::Accessor;

/// What a component makes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has acted.
    Done,
    /// It wants the event again, not before this time has passed.
    Retry(Duration),
    /// It will not have it, for this reason.
    Reject(String),
}

impl Verdict {
    /// Its name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry(_) => "retry",
            Self::Reject(_) => "reject",
        }
    }
}

/// Why a moment was not acted upon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TickError {
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The component says so.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// A fault, and for the log why.
pub(super) type Failed = (Fault, String);

/// Makes an instance for each call of one component.
pub(super) struct Caller {
    maker: Maker,
    consumer: Option<ConsumerPre<InstanceState>>,
    scheduled: Option<ScheduledPre<InstanceState>>,
}

impl Caller {
    pub fn new(
        maker: Maker,
        consumer: Option<ConsumerPre<InstanceState>>,
        scheduled: Option<ScheduledPre<InstanceState>>,
    ) -> Self {
        Self { maker, consumer, scheduled }
    }

    /// Whether an instance starts, by whichever call of the host it takes.
    pub async fn start(&self) -> Result<(), Failed> {
        let mut store = self.maker.store();
        match (&self.consumer, &self.scheduled) {
            (Some(pre), _) => self.maker.started(pre.instantiate_async(&mut store)).await.map(drop).map_err(not_started),
            (None, Some(pre)) => self.maker.started(pre.instantiate_async(&mut store)).await.map(drop).map_err(not_started),
            (None, None) => Ok(()),
        }
    }

    /// An instance for a run of events.
    pub async fn listener(&self) -> Result<Listener<'_>, Failed> {
        let pre = self.consumer.as_ref().ok_or_else(|| not_exported("event-consumer"))?;
        let mut store = self.maker.store();
        let consumer = self.maker.started(pre.instantiate_async(&mut store)).await.map_err(not_started)?;
        Ok(Listener { maker: &self.maker, store, consumer })
    }

    /// Tells a fresh instance what time it is; when it wants to be told again.
    pub async fn tick(&self, now: Timestamp) -> Result<Result<Option<Timestamp>, Failure>, Failed> {
        let pre = self.scheduled.as_ref().ok_or_else(|| not_exported("schedule"))?;
        let mut store = self.maker.store();
        let scheduled = self.maker.started(pre.instantiate_async(&mut store)).await.map_err(not_started)?;
        store.data_mut().begin(NOBODY, None, self.maker.limits.deadline);
        let schedule = scheduled.tidings_app_schedule();
        let call = async |accessor: &Accessor<InstanceState>| schedule.call_tick(accessor, now.millis()).await;
        let next = run(&mut store, self.maker.limits.deadline, call).await?;
        let next = next.map_err(Failure::from);
        // Beyond the years that there are is never.
        Ok(next.map(|next| next.and_then(|millis| Timestamp::from_millis(millis).ok())))
    }
}

/// No client is at the other end of these calls.
pub(super) const NOBODY: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

fn not_exported(what: &str) -> Failed {
    (Fault::NoComponent, format!("it does not export {what}"))
}

fn not_started(error: wasmtime::Error) -> Failed {
    (Fault::Overloaded, format!("{error:#}"))
}

/// One instance that hears events of one user, one after the other. After a fault it is of no more use.
pub(super) struct Listener<'a> {
    maker: &'a Maker,
    store: Store<InstanceState>,
    consumer: Consumer,
}

impl Listener<'_> {
    pub async fn hear(&mut self, group: &Arc<str>, logged: &LoggedEvent) -> Result<Verdict, Failed> {
        let Some((event, traceparent)) = parse(logged) else {
            return Ok(Verdict::Reject("it is no CloudEvent of ours".to_owned()));
        };
        let state = self.store.data_mut();
        state.begin(NOBODY, traceparent, self.maker.limits.deadline);
        let session = state.ports().session_for(logged.user.clone(), Arc::clone(group)).map_err(not_started)?;
        let consumer = self.consumer.tidings_app_event_consumer();
        let call = async |accessor: &Accessor<InstanceState>| consumer.call_handle(accessor, session, event).await;
        Ok(match run(&mut self.store, self.maker.limits.deadline, call).await? {
            Disposition::Done => Verdict::Done,
            Disposition::Retry(after) => Verdict::Retry(Duration::from_millis(after.into())),
            Disposition::Reject(reason) => Verdict::Reject(reason),
        })
    }
}

/// Runs a call to its end, or to its deadline.
async fn run<T>(
    store: &mut Store<InstanceState>,
    deadline: Duration,
    call: impl AsyncFnOnce(&Accessor<InstanceState>) -> wasmtime::Result<T>,
) -> Result<T, Failed> {
    let turn = store.data().turn().clone();
    match within(deadline, &turn, store.run_concurrent(call)).await {
        Some(Ok(Ok(answer))) => Ok(answer),
        Some(Ok(Err(error)) | Err(error)) => Err(store.data().classify(&error)),
        None => Err((Fault::TimedOut, format!("it did not answer within {deadline:?}"))),
    }
}

/// Gives a future so much time. It looks at the time itself, for a runtime with busy workers is late with its timers.
async fn within<F: Future>(time: Duration, turn: &Turn, future: F) -> Option<F::Output> {
    let until = Instant::now() + time;
    let (mut future, mut sleep) = (pin!(future), pin!(tokio::time::sleep_until(until.into())));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        turn.pending();
        if Instant::now() >= until { Poll::Ready(None) } else { sleep.as_mut().poll(cx).map(|()| None) }
    })
    .await
}

/// A CloudEvent, as far as a consumer is told of it.
#[derive(Deserialize)]
struct CloudEvent<'a> {
    time: Timestamp,
    #[serde(borrow)]
    dataschema: Option<Cow<'a, str>>,
    #[serde(borrow)]
    traceparent: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// The event as a component gets it, and its place in a trace. Events of before there were schemas are of the first version.
fn parse(logged: &LoggedEvent) -> Option<(Event, Option<String>)> {
    let cloud: CloudEvent<'_> = serde_json::from_str(logged.body.get()).ok()?;
    let data_version = match &cloud.dataschema {
        Some(schema) => schema.rsplit(':').next()?.parse().ok()?,
        None => DATA_VERSION,
    };
    let event = Event {
        id: logged.id.to_string(),
        topic: logged.topic.clone(),
        kind: logged.kind.clone(),
        time: cloud.time.millis(),
        data_version,
        data: cloud.data.get().to_owned(),
    };
    Some((event, cloud.traceparent.map(Cow::into_owned)))
}
