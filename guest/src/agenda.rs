//! `domain`'s agenda, on what the host gives.

use crate::bindings::ports::agenda;
use crate::session::{Session, good};
use domain::ports::{DueItem, DuePage, Failure};
use domain::time::Timestamp;

/// The agenda of all users. Only a component that is granted the port can use it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Agenda;

impl domain::ports::Agenda for Agenda {
    type Session = Session;

    async fn due(&self, until: Timestamp, after: Option<&str>, limit: u32) -> Result<DuePage<Session>, Failure> {
        let page = agenda::due(until.millis(), after.map(str::to_owned), limit).await?;
        let item = |item: agenda::DueItem| Ok(DueItem { session: Session(item.session), task: good(item.task.try_into())? });
        Ok(DuePage { items: page.items.into_iter().map(item).collect::<Result<_, Failure>>()?, next: page.next })
    }

    async fn next(&self) -> Result<Option<Timestamp>, Failure> {
        let next = agenda::next().await?.map(Timestamp::from_millis).transpose();
        next.map_err(|bad| Failure::Invalid(format!("the host gave a bad value: {bad}")))
    }
}
