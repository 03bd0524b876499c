//! The export `event-consumer`: one async function acts on events.

use crate::Session;
use crate::bindings::consumer::{Disposition as Answer, Event};
use crate::bindings::ports::ledger;
pub use domain::consumer::{Disposition, Incoming};
use domain::time::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

/// An event as the host gives it must be one.
fn incoming(event: Event) -> Result<Incoming, String> {
    let Event { id, topic, kind, time, data_version, data } = event;
    let id = Uuid::try_parse(&id).map_err(|_| "its id is no UUID")?;
    let time = Timestamp::from_millis(time).map_err(|bad| bad.to_string())?;
    let data = RawValue::from_string(data).map_err(|bad| format!("its data is no JSON: {bad}"))?;
    Ok(Incoming { id, topic, kind, time, data_version, data })
}

impl From<Disposition> for Answer {
    fn from(disposition: Disposition) -> Self {
        match disposition {
            Disposition::Done => Self::Done,
            Disposition::Retry(after) => Self::Retry(u32::try_from(after.as_millis()).unwrap_or(u32::MAX)),
            Disposition::Reject(reason) => Self::Reject(reason),
        }
    }
}

/// Hands an event to a component's function.
#[doc(hidden)]
pub async fn hand(session: ledger::Session, event: Event, act: impl AsyncFnOnce(Session, Incoming) -> Disposition) -> Answer {
    match incoming(event) {
        Ok(event) => act(Session(session), event).await.into(),
        Err(reason) => Answer::Reject(reason),
    }
}

/// Makes `async fn(Session, Incoming) -> Disposition` the component's `event-consumer`.
#[macro_export]
macro_rules! event_consumer {
    ($act:path) => {
        const _: () = {
            struct Component;
            impl $crate::bindings::consumer::Guest for Component {
                async fn handle(
                    session: $crate::bindings::ports::ledger::Session,
                    event: $crate::bindings::consumer::Event,
                ) -> $crate::bindings::consumer::Disposition {
                    $crate::events::hand(session, event, $act).await
                }
            }
    $crate::bindings::consumer::export_consumer!(Component with_types_in $crate::bindings::consumer);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ID: &str = "0198c0de-0000-7000-8000-000000000000";

    fn event(id: &str, time: i64, data: &str) -> Event {
        let (topic, kind) = ("task-events".to_owned(), "task.completed".to_owned());
        Event { id: id.to_owned(), topic, kind, time, data_version: 1, data: data.to_owned() }
    }

    #[test]
    fn what_is_no_event_reaches_no_component() {
        let good = incoming(event(ID, 0, r#"{"task": null}"#)).unwrap();
        assert_eq!((good.id.to_string().as_str(), good.data.get()), (ID, r#"{"task": null}"#));
        for bad in [event("x", 0, "{}"), event(ID, i64::MAX, "{}"), event(ID, 0, "{")] {
            assert!(incoming(bad).is_err());
        }
    }

    #[test]
    fn a_wait_beyond_what_can_be_said_is_the_longest() {
        assert!(matches!(Disposition::Retry(Duration::from_secs(2)).into(), Answer::Retry(2_000)));
        assert!(matches!(Disposition::Retry(Duration::MAX).into(), Answer::Retry(u32::MAX)));
    }
}
