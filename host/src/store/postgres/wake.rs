//! How a host hears that something was committed, and what has ended: by itself, by any other.

use super::readers::Readers;
use crate::store::StoreError;
use crate::store::ended::{Ended, Endings};
use crate::task::Tasks;
use sqlx::postgres::PgListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The channel on which a commit tells its last position.
pub(super) const CHANNEL: &str = "tidings_log";
/// The channel that says what has ended. The statement that does is in the dialect.
const ENDED: &str = "tidings_ended";
/// How often the log is looked at all the same: a connection can be gone without a word.
const LOOK: Duration = Duration::from_secs(3);
/// Before listening is tried again.
const REST: Duration = Duration::from_secs(1);

/// The last position of the log that is known to be committed. It only grows.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<watch::Sender<i64>>);

impl Heard {
    pub fn receiver(&self) -> watch::Receiver<i64> {
        self.0.subscribe()
    }

    pub fn announce(&self, position: i64) {
        self.0.send_if_modified(|known| {
            let grows = position > *known;
            *known = position.max(*known);
            grows
        });
    }
}

/// Knows the last position when it returns, and hears of others from then on.
pub(super) async fn start(readers: &Readers, heard: &Heard, endings: &Endings, tasks: &Tasks) -> Result<(), StoreError> {
    heard.announce(readers.last_position().await?);
    let (stop, listening) = (tasks.stopping(), listen(readers.clone(), heard.clone(), endings.clone()));
    tasks.spawn("postgres listener", async move { stop.run_until_cancelled(listening).await });
    let (stop, looking) = (tasks.stopping(), look(readers.clone(), heard.clone()));
    tasks.spawn("postgres look", async move { stop.run_until_cancelled(looking).await });
    Ok(())
}

async fn listen(readers: Readers, heard: Heard, endings: Endings) {
    loop {
        if let Err(error) = listen_once(&readers, &heard, &endings).await {
            tracing::warn!(%error, "other hosts cannot be heard: trying again");
        }
        tokio::time::sleep(REST).await;
    }
}

/// Until the connection is lost.
async fn listen_once(readers: &Readers, heard: &Heard, endings: &Endings) -> Result<(), StoreError> {
    let mut listener = PgListener::connect_with(readers.pool()).await?;
    listener.eager_reconnect(false);
    listener.listen_all([CHANNEL, ENDED]).await?;
    // What was committed before was told to nobody here.
    heard.announce(readers.last_position().await?);
    endings.tell(Ended::Unheard);
    while let Some(told) = listener.try_recv().await? {
        if told.channel() == ENDED {
            // What a newer host says, and this one does not know, is looked for.
            endings.tell(serde_json::from_str(told.payload()).unwrap_or(Ended::Unheard));
        } else if let Ok(position) = told.payload().parse() {
            heard.announce(position);
        }
    }
    Ok(())
}

async fn look(readers: Readers, heard: Heard) {
    loop {
        tokio::time::sleep(LOOK).await;
        // A database that is away is complained about by whoever needs it.
        if let Ok(position) = readers.last_position().await {
            heard.announce(position);
        }
    }
}
