//! The one writer. Everything that is written comes through its queue; an answer is given only after COMMIT.

use super::at_hand::AtHand;
use super::dialect::{Counters, KEEP_POSITION};
use super::error;
use super::sql::accounts::Statements;
use super::sql::commit;
use super::sql::log::Again;
use crate::store::queue::{Answer, Queue, Work};
use crate::store::{ChangeSet, LoggedEvent, StoreError};
use crate::task::Tasks;
use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::sync::Arc;
use tokio::sync::watch;

/// One caller's wish.
pub(super) enum Job {
    Write(Statements),
    Commit(Box<ChangeSet>),
    Again(Again),
}

impl Job {
    /// A change set appends, and positions of groups, which are kept often, are not at hand.
    fn touches_what_is_at_hand(&self) -> bool {
        match self {
            Self::Write(statements) => statements.iter().any(|(sql, _)| *sql != KEEP_POSITION),
            Self::Commit(set) => set.preferences.is_some(),
            Self::Again(_) => true,
        }
    }
}

/// What was done.
pub(super) enum Done {
    Committed,
    /// How many rows each statement touched.
    Written(Vec<u64>),
    /// Where the event stands now; none: there is no such event.
    Again(Option<i64>),
}

/// The queue's near end.
#[derive(Clone)]
pub(super) struct Writer {
    queue: Queue<Worker>,
    committed: watch::Receiver<i64>,
    pub at_hand: Arc<AtHand>,
}

impl Writer {
    /// Takes over a connection. It is made anew, should it break.
    pub async fn start(connection: SqliteConnection, options: SqliteConnectOptions, tasks: &Tasks) -> Result<Self, StoreError> {
        let mut connection = connection;
        let counters = Counters::load(&mut connection).await?;
        let (announce, committed) = watch::channel(counters.position);
        let at_hand = Arc::new(AtHand::default());
        let worker = Worker { connection: Some(connection), options, counters, announce, at_hand: at_hand.clone() };
        Ok(Self { queue: Queue::start("sqlite writer", worker, tasks), committed, at_hand })
    }

    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.clone()
    }

    pub async fn commit(&self, set: ChangeSet) -> Result<(), StoreError> {
        self.queue.ask(Job::Commit(Box::new(set))).await.map(drop)
    }

    /// How many rows each statement touched.
    pub async fn write(&self, statements: Statements) -> Result<Vec<u64>, StoreError> {
        match self.queue.ask(Job::Write(statements)).await? {
            Done::Written(touched) => Ok(touched),
            Done::Committed | Done::Again(_) => Ok(Vec::new()),
        }
    }

    /// The new position, unless the event is no longer in the log.
    pub async fn write_again(&self, again: Again) -> Result<Option<i64>, StoreError> {
        match self.queue.ask(Job::Again(again)).await? {
            Done::Again(position) => Ok(position),
            Done::Committed | Done::Written(_) => Ok(None),
        }
    }

    /// Ends the writer behind all that is queued.
    pub async fn close(&self) {
        self.queue.close().await;
    }
}

/// The queue's far end.
pub(super) struct Worker {
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    counters: Counters,
    announce: watch::Sender<i64>,
    at_hand: Arc<AtHand>,
}

#[async_trait]
impl Work for Worker {
    type Job = Job;
    type Done = Done;

    async fn transaction(&mut self, jobs: &[Job]) -> Result<Vec<Answer<Done>>, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let before = self.counters;
        match transact(&mut connection, &mut self.counters, jobs).await {
            Ok((answers, logged)) => {
                self.connection = Some(connection);
                if jobs.iter().any(Job::touches_what_is_at_hand) {
                    self.at_hand.forget();
                }
                self.at_hand.appended(&logged);
                if self.counters.position != before.position {
                    self.announce.send_replace(self.counters.position);
                }
                Ok(answers)
            }
            Err(error) => {
                // Some errors end a transaction by themselves; then there is nothing to roll back.
                let rolled_back = sqlx::query("ROLLBACK").execute(&mut connection).await;
                if rolled_back.is_ok() || rolled_back.is_err_and(|e| e.to_string().contains("no transaction is active")) {
                    self.connection = Some(connection);
                }
                self.counters = before;
                self.at_hand.forget();
                Err(error)
            }
        }
    }

    async fn shut(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            let tidied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await;
            if let Err(error) = tidied.and(connection.close().await) {
                tracing::warn!(%error, "the database was not closed tidily; nothing is lost");
            }
        }
    }
}

async fn transact(
    connection: &mut SqliteConnection,
    counters: &mut Counters,
    jobs: &[Job],
) -> Result<(Vec<Answer<Done>>, Vec<LoggedEvent>), StoreError> {
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    let mut answers = Vec::with_capacity(jobs.len());
    let mut sets = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        answers.push(match job {
            Job::Write(statements) => write(connection, statements).await?,
            Job::Again(again) => Ok(Done::Again(again.write(connection, counters).await?)),
            Job::Commit(set) => {
                sets.push((index, set.as_ref()));
                Ok(Done::Committed)
            }
        });
    }
    let (refusals, logged) = commit::commit_all(connection, counters, &sets).await?;
    for (index, refusal) in refusals {
        if let Some(answer) = answers.get_mut(index) {
            *answer = Err(refusal);
        }
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok((answers, logged))
}

/// The outer error is the group's, the inner one this caller's.
async fn write(connection: &mut SqliteConnection, statements: &Statements) -> Result<Answer<Done>, StoreError> {
    let mut touched = Vec::with_capacity(statements.len());
    for (index, (sql, values)) in statements.iter().enumerate() {
        match sqlx::query_with(*sql, values.clone()).execute(&mut *connection).await {
            Ok(done) => touched.push(done.rows_affected()),
            Err(e) if index == 0 && error::is_taken(&e) => return Ok(Err(StoreError::Conflict)),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(Ok(Done::Written(touched)))
}
