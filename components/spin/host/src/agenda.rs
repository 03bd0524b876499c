//! What is due of all users.

use crate::identity::{Origin, Principal};
use crate::session::{Session, page};
use crate::store::{self, AgendaPosition};
use domain::account::Scope;
use domain::change::{Actor, ActorKind};
use domain::id::UserId;
use domain::ports::{DuePage, Failure as Refused};
use domain::time::Timestamp;

/// The right to act for everyone.
pub struct Agenda;

fn session(user: UserId) -> Session {
    Session::new(Principal {
        user,
        actor: Actor { kind: ActorKind::System, id: "reminders".to_owned() },
        scopes: vec![Scope::TasksWrite],
        origin: Origin::Component,
        expires_at: None,
    })
}

/// As an earlier page has given it.
fn position(text: &str) -> Result<AgendaPosition, Refused> {
    let read = || {
        let (at, number) = text.split_once('.')?;
        Some(AgendaPosition { at: at.parse().ok()?, number: number.parse().ok()? })
    };
    read().ok_or_else(|| Refused::Invalid("after is what an earlier page has given".to_owned()))
}

impl domain::ports::Agenda for Agenda {
    type Session = Session;

    async fn due(&self, until: Timestamp, after: Option<&str>, limit: u32) -> Result<DuePage<Session>, Refused> {
        page(limit)?;
        let found = store::due(until, after.map(position).transpose()?, limit).await?;
        let last = found.last().filter(|_| found.len() >= limit as usize).map(|(_, _, last)| *last);
        let next = last.map(|last| format!("{}.{}", last.at, last.number));
        let item = |(user, task, _)| domain::ports::DueItem { session: session(user), task };
        Ok(DuePage { items: found.into_iter().map(item).collect(), next })
    }

    async fn next(&self) -> Result<Option<Timestamp>, Refused> {
        Ok(store::next_reminder().await?)
    }
}
