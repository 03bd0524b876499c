//! The port `agenda`. Spin ticks nothing, so that here nobody asks but a component that is called otherwise.

use super::{Adapter, bindings};
use bindings::ports::agenda::{DueItem, Guest, Page};
use bindings::ports::ledger;
use bindings::ports::types::Failure;
use domain::ports::DuePage;
use domain::time::Timestamp;
use spin_host::{Agenda, Session};

impl Guest for Adapter {
    async fn due(until: i64, after: Option<String>, limit: u32) -> Result<Page, Failure> {
        let until = Timestamp::from_millis(until).map_err(|bad| Failure::Invalid(bad.to_string()))?;
        let DuePage { items, next } = domain::ports::Agenda::due(&Agenda, until, after.as_deref(), limit).await?;
        let item = |item: domain::ports::DueItem<Session>| DueItem {
            session: ledger::Session::new(item.session),
            task: item.task.into(),
        };
        Ok(Page { items: items.into_iter().map(item).collect(), next })
    }

    async fn next() -> Result<Option<i64>, Failure> {
        Ok(domain::ports::Agenda::next(&Agenda).await?.map(Timestamp::millis))
    }
}
