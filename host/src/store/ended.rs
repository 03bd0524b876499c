//! What ended, told to whoever has something open in its name: at this host, and where hosts share a database, at each.

use domain::id::UserId;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use uuid::Uuid;

/// What ended and was not yet heard of. A listener that falls behind is told so.
const KEPT: usize = 1024;

/// Something has ended; what was opened in its name must close.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    SignIn(Uuid),
    Token {
        user: UserId,
        id: Uuid,
    },
    /// All sign-ins of a user but one, where one is named.
    SignIns {
        user: UserId,
        but: Option<Uuid>,
    },
    /// The account is gone, and with it all that is the user's.
    User(UserId),
    /// Nothing was heard of other hosts for a time: whoever has something open asks whether it may stay so.
    Unheard,
}

/// Tells of it.
#[derive(Clone)]
pub(super) struct Endings(broadcast::Sender<Ended>);

impl Default for Endings {
    fn default() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }
}

impl Endings {
    /// Nobody may be listening, and that is well.
    pub fn tell(&self, ended: Ended) {
        _ = self.0.send(ended);
    }

    pub fn receiver(&self) -> broadcast::Receiver<Ended> {
        self.0.subscribe()
    }
}
