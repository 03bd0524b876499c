//! The port `agenda`, natively and by WIT: what is due of all users, each task with a session of its owner's.

use super::bindings::ports::agenda::{DueItem, Host, HostWithStore, Page};
use super::bindings::ports::types::Failure;
use super::ledger::open_session;
use super::patience::in_time;
use super::session::page;
use super::{Backing, Ports, Session, View, failure};
use crate::store::AgendaPosition;
use domain::ports::{Agenda as _, DuePage, Failure as Refused};
use domain::time::Timestamp;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Accessor;

/// What one component may do for everyone. Its sessions claim in the component's name.
pub struct Agenda {
    pub backing: Backing,
    pub component: Arc<str>,
    pub traceparent: Option<String>,
}

impl domain::ports::Agenda for Agenda {
    type Session = Session;

    async fn due(&self, until: Timestamp, after: Option<&str>, limit: u32) -> std::result::Result<DuePage<Session>, Refused> {
        page(limit)?;
        let after = after.map(position).transpose()?;
        let found = self.backing.store.due(until, after, limit).await.map_err(failure)?;
        let last = found.last().filter(|_| found.len() >= limit as usize).map(|last| last.position);
        let next = last.map(|last| format!("{}.{}", last.at.millis(), last.number));
        let Self { backing, component, traceparent } = self;
        let session = |user| Session::of_component(backing, component, user, component.clone(), traceparent.clone());
        let item = |due: crate::store::DueTask| domain::ports::DueItem { session: session(due.user), task: due.task };
        Ok(DuePage { items: found.into_iter().map(item).collect(), next })
    }

    async fn next(&self) -> std::result::Result<Option<Timestamp>, Refused> {
        self.backing.store.next_reminder().await.map_err(failure)
    }
}

/// As an earlier page has given it.
fn position(text: &str) -> std::result::Result<AgendaPosition, Refused> {
    let read = || {
        let (at, number) = text.split_once('.')?;
        Some(AgendaPosition { at: Timestamp::from_millis(at.parse().ok()?).ok()?, number: number.parse().ok()? })
    };
    read().ok_or_else(|| Refused::Invalid("after is what an earlier page has given".to_owned()))
}

type Answer<T> = std::result::Result<T, Failure>;

/// The native agenda of the component at hand.
fn agenda<T: 'static>(accessor: &Accessor<T, Ports>) -> Agenda {
    accessor.with(|mut access| {
        let context = access.get().context;
        Agenda {
            backing: context.backing.clone(),
            component: context.component.clone(),
            traceparent: context.traceparent.clone(),
        }
    })
}

impl<T: Send + 'static> HostWithStore<T> for Ports {
    async fn due(accessor: &Accessor<T, Self>, until: i64, after: Option<String>, limit: u32) -> Result<Answer<Page>> {
        let agenda = agenda(accessor);
        let due = async {
            let until = Timestamp::from_millis(until).map_err(|bad| Refused::Invalid(bad.to_string()))?;
            agenda.due(until, after.as_deref(), limit).await
        };
        let DuePage { items, next } = match in_time(accessor, Refused::Unavailable, due).await {
            Ok(page) => page,
            Err(refused) => return Ok(Err(refused.into())),
        };
        accessor.with(|mut access| {
            let mut view = access.get();
            let mut open = Vec::with_capacity(items.len());
            for domain::ports::DueItem { session, task } in items {
                open.push(DueItem { session: open_session(&mut view, session)?, task: task.into() });
            }
            Ok(Ok(Page { items: open, next }))
        })
    }

    async fn next(accessor: &Accessor<T, Self>) -> Result<Answer<Option<i64>>> {
        let agenda = agenda(accessor);
        let next = in_time(accessor, Refused::Unavailable, agenda.next()).await;
        Ok(next.map(|at| at.map(Timestamp::millis)).map_err(Failure::from))
    }
}

impl Host for View<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_position_is_taken_for_one() {
        let at = Timestamp::from_millis(-5).unwrap();
        assert_eq!(position("-5.7"), Ok(AgendaPosition { at, number: 7 }));
        for bad in ["", ".", "1", "1.", ".1", "1.x", "1.1.1", "9999999999999999.1", "1.99999999999999999999"] {
            assert!(position(bad).is_err(), "{bad}");
        }
    }
}
