//! From the bus to the hub, and the hub's clockwork. Every process hears every event: there is no group to share them with.

use super::hub::Hub;
use crate::clock::Clock;
use crate::events::Tail;
use crate::identity::{Ended, Identity};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// The topic that streams show.
pub const TOPICS: &[&str] = &["task-updates"];
/// After so many events the readers take their share: fewer than a queue holds, so that a reader which keeps up is never cut off.
const TURN: usize = 64;

/// Hands what is committed to the hub, until told to stop. What the bus drops, readers find in the log.
pub async fn run(mut tail: Tail, hub: Arc<Hub>, stop: CancellationToken) {
    let mut handed = 0;
    while let Some(Some(event)) = stop.run_until_cancelled(tail.next()).await {
        hub.deliver(&event);
        handed += 1;
        if handed % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Ticks while somebody listens, and ends the streams of whoever is revoked, until told to stop.
pub async fn watch(hub: Arc<Hub>, identity: Arc<Identity>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut ended = identity.ended();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut second = 0;
    loop {
        let tick = async {
            hub.somebody().await;
            ticks.tick().await
        };
        tokio::select! {
            now = tick => {
                second += 1;
                hub.tick(second, clock.now(), now);
            }
            event = ended.recv() => match event {
                Ok(Ended::Unheard) | Err(RecvError::Lagged(_)) => look_at_everybody(&hub, &identity).await,
                Ok(ended) => hub.ended(&ended),
                Err(RecvError::Closed) => return,
            },
            () = stop.cancelled() => return,
        }
    }
}

/// For when more was revoked at once than the channel holds, or other hosts were not heard.
async fn look_at_everybody(hub: &Hub, identity: &Identity) {
    for principal in hub.principals() {
        match identity.still_valid(&principal).await {
            Ok(true) => {}
            Ok(false) => hub.end_principal(&principal),
            Err(error) => tracing::warn!(%error, "whether a stream may go on cannot be told; it goes on"),
        }
    }
}
