//! The writers of change sets: each has a connection of its own, and does what has queued up in one transaction.
//!
//! All that one user does in this host goes through one writer. Against other hosts, and other writers, the user's row is locked
//! first. The log comes last: its lock is held from the first position that is taken until the commit can be seen, so that
//! positions are in the order of commits (`docs/adr/0011-the-log-takes-turns.md`).

use super::DatabaseConfig;
use super::dialect::Counters;
use super::readers::Readers;
use super::sql::accounts::Statements;
use super::sql::commit;
use super::sql::log::Again;
use super::wake::Heard;
use crate::store::queue::{Answer, Queue, Work};
use crate::store::{ChangeSet, StoreError};
use crate::task::Tasks;
use async_trait::async_trait;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long making a connection may take.
const FOR_A_CONNECTION: Duration = Duration::from_secs(2);

/// One caller's wish.
pub(super) enum Job {
    Commit(Box<ChangeSet>),
    Again(Again),
}

/// Where an event stands that was written again; none: there is no such event, or nothing was to be written again.
type Done = Option<i64>;

/// The near ends of all queues.
pub(super) struct Writers {
    queues: Vec<Queue<Writer>>,
    readers: Readers,
    heard: Heard,
}

impl Writers {
    pub fn start(config: &DatabaseConfig, readers: &Readers, heard: &Heard, tasks: &Tasks) -> Self {
        let writer = || Writer {
            connection: None,
            options: config.options(),
            patience: readers.patience(),
            counters: Counters::default(),
            heard: heard.clone(),
        };
        let queues = (0..config.writers()).map(|_| Queue::start("postgres writer", writer(), tasks)).collect();
        Self { queues, readers: readers.clone(), heard: heard.clone() }
    }

    pub fn committed(&self) -> watch::Receiver<i64> {
        self.heard.receiver()
    }

    pub async fn commit(&self, set: ChangeSet) -> Result<(), StoreError> {
        let mut hash = DefaultHasher::new();
        set.user.hash(&mut hash);
        self.ask(hash.finish(), Job::Commit(Box::new(set))).await.map(drop)
    }

    /// The new position, unless the event is no longer in the log.
    pub async fn write_again(&self, again: Again) -> Result<Option<i64>, StoreError> {
        self.ask(again.position.unsigned_abs(), Job::Again(again)).await
    }

    /// How many rows each statement touched.
    pub async fn write(&self, statements: Statements) -> Result<Vec<u64>, StoreError> {
        self.readers.write(statements).await
    }

    /// Ends the writers behind all that is queued.
    pub async fn close(&self) {
        futures::future::join_all(self.queues.iter().map(Queue::close)).await;
    }

    async fn ask(&self, number: u64, job: Job) -> Answer<Done> {
        let at = usize::try_from(number % self.queues.len().max(1) as u64).unwrap_or_default();
        match self.queues.get(at) {
            Some(queue) => queue.ask(job).await,
            None => Err(StoreError::Unavailable("the store is closed".to_owned())),
        }
    }
}

/// One queue's far end.
struct Writer {
    connection: Option<PgConnection>,
    options: PgConnectOptions,
    patience: Duration,
    counters: Counters,
    heard: Heard,
}

#[async_trait]
impl Work for Writer {
    type Job = Job;
    type Done = Done;

    async fn transaction(&mut self, jobs: &[Job]) -> Result<Vec<Answer<Done>>, StoreError> {
        let patience = self.patience;
        let done = timeout(patience, self.transact(jobs)).await;
        // The connection went with what was given up; it may have been about to commit.
        done.unwrap_or_else(|_| Ok(in_doubt(jobs)))
    }

    async fn shut(&mut self) {
        if let Some(connection) = self.connection.take() {
            // What was answered is on the disk.
            _ = connection.close().await;
        }
    }
}

impl Writer {
    async fn transact(&mut self, jobs: &[Job]) -> Result<Vec<Answer<Done>>, StoreError> {
        let mut connection = self.begin().await?;
        let before = self.counters.position;
        match write(&mut connection, &mut self.counters, jobs).await {
            Ok(answers) => match sqlx::query("COMMIT").execute(&mut connection).await {
                Ok(_) => {
                    self.connection = Some(connection);
                    if self.counters.position != before {
                        self.heard.announce(self.counters.position);
                    }
                    Ok(answers)
                }
                Err(error) => {
                    tracing::warn!(%error, "the database did not say whether a commit stands");
                    Ok(in_doubt(jobs))
                }
            },
            Err(error) => {
                if sqlx::query("ROLLBACK").execute(&mut connection).await.is_ok() {
                    self.connection = Some(connection);
                }
                Err(error)
            }
        }
    }

    /// A connection with a transaction begun. One that was lost while nothing was written is made anew.
    async fn begin(&mut self) -> Result<PgConnection, StoreError> {
        if let Some(mut connection) = self.connection.take()
            && sqlx::query("BEGIN").execute(&mut connection).await.is_ok()
        {
            return Ok(connection);
        }
        let mut connection = timeout(FOR_A_CONNECTION, self.options.connect()).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        Ok(connection)
    }
}

/// What cannot be known is not tried again here: it would be done twice.
fn in_doubt(jobs: &[Job]) -> Vec<Answer<Done>> {
    let unknown = || StoreError::Unavailable("the database did not say whether this was written".to_owned());
    jobs.iter().map(|_| Err(unknown())).collect()
}

async fn write(connection: &mut PgConnection, counters: &mut Counters, jobs: &[Job]) -> Result<Vec<Answer<Done>>, StoreError> {
    let mut answers: Vec<Answer<Done>> = jobs.iter().map(|_| Ok(None)).collect();
    let commits = jobs.iter().enumerate().filter_map(|(index, job)| match job {
        Job::Commit(set) => Some((index, set.as_ref())),
        Job::Again(_) => None,
    });
    let (refusals, _) = commit::commit_all(connection, counters, &commits.collect::<Vec<_>>()).await?;
    for (index, refusal) in refusals {
        if let Some(answer) = answers.get_mut(index) {
            *answer = Err(refusal);
        }
    }
    // Behind the sets: who has the log's lock waits for no other.
    for (job, answer) in jobs.iter().zip(&mut answers) {
        if let Job::Again(again) = job {
            *answer = Ok(again.write(connection, counters).await?);
        }
    }
    Ok(answers)
}
