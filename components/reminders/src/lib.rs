//! Gives notice of due dates when their moment comes: a shell around `domain::reminders`. It hears no event and serves no path.

use domain::ports::Failure;
use domain::reminders;
use domain::time::Timestamp;
use guest::{Agenda, Memory};

guest::schedule!(tick);

async fn tick(now: Timestamp) -> Result<Option<Timestamp>, Failure> {
    reminders::tick(&Agenda, &Memory, now).await
}
