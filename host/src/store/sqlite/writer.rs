//! The one writer. Everything that is written comes through its queue, and what has queued up while the last commit was
//! under way shares the next transaction, and with it one fsync.
//!
//! Promises: an answer is given only after COMMIT; a member that conflicts does not touch the others of its group; an
//! unexpected error rolls back the whole group, whose members are then tried one by one; a caller that has gone away
//! changes nothing for anyone.

use super::commit;
use super::error;
use super::log::Again;
use crate::store::{ChangeSet, StoreError};
use crate::task::Tasks;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot, watch};

/// How many may wait; who comes then waits for a place.
const QUEUE: usize = 1024;
/// How many share a transaction.
const GROUP: usize = 256;

/// Statements that are written together. The first may find its key taken, which is a conflict; it has then done nothing.
pub(super) type Statements = Vec<(&'static str, SqliteArguments)>;

/// One caller's wish.
pub(super) enum Job {
    Commit(Box<ChangeSet>),
    Write(Statements),
    Again(Again),
    Close,
}

/// What was done.
pub(super) enum Done {
    Committed,
    /// How many rows each statement touched.
    Written(Vec<u64>),
    /// Where the event stands now; none: there is no such event.
    Again(Option<i64>),
}

type Answer = Result<Done, StoreError>;

/// The queue's near end.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<(Job, oneshot::Sender<Answer>)>,
    committed: watch::Receiver<i64>,
}

impl Writer {
    /// Takes over a connection. It is made anew, should it break.
    pub async fn start(connection: SqliteConnection, options: SqliteConnectOptions, tasks: &Tasks) -> Result<Self, StoreError> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let mut connection = connection;
        let counters = commit::Counters::load(&mut connection).await?;
        let (announce, committed) = watch::channel(counters.position);
        let mut worker = Worker { connection: Some(connection), options, counters, announce };
        tasks.spawn("sqlite writer", async move { worker.run(jobs).await });
        Ok(Self { queue, committed })
    }

    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.clone()
    }

    pub async fn commit(&self, set: ChangeSet) -> Result<(), StoreError> {
        self.ask(Job::Commit(Box::new(set))).await.map(|_| ())
    }

    /// How many rows each statement touched.
    pub async fn write(&self, statements: Statements) -> Result<Vec<u64>, StoreError> {
        match self.ask(Job::Write(statements)).await? {
            Done::Written(touched) => Ok(touched),
            Done::Committed | Done::Again(_) => Ok(Vec::new()),
        }
    }

    /// The new position, unless the event is no longer in the log.
    pub async fn write_again(&self, again: Again) -> Result<Option<i64>, StoreError> {
        match self.ask(Job::Again(again)).await? {
            Done::Again(position) => Ok(position),
            Done::Committed | Done::Written(_) => Ok(None),
        }
    }

    /// Ends the writer behind all that is queued.
    pub async fn close(&self) {
        // It may be closed already.
        let _ = self.ask(Job::Close).await;
    }

    async fn ask(&self, job: Job) -> Answer {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let (answer, answered) = oneshot::channel();
        self.queue.send((job, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// The queue's far end.
struct Worker {
    connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    counters: commit::Counters,
    announce: watch::Sender<i64>,
}

impl Worker {
    async fn run(&mut self, mut queue: mpsc::Receiver<(Job, oneshot::Sender<Answer>)>) {
        let mut waiting = Vec::with_capacity(GROUP);
        let mut closing = Vec::new();
        while queue.recv_many(&mut waiting, GROUP).await > 0 {
            let mut jobs = Vec::with_capacity(waiting.len());
            let mut callers = Vec::with_capacity(waiting.len());
            for (job, caller) in waiting.drain(..) {
                if matches!(job, Job::Close) {
                    queue.close();
                    closing.push(caller);
                } else {
                    jobs.push(job);
                    callers.push(caller);
                }
            }
            for (caller, answer) in callers.into_iter().zip(self.serve(&jobs).await) {
                // A caller that has gone away needs no answer.
                let _ = caller.send(answer);
            }
        }
        self.shut().await;
        closing.into_iter().for_each(|caller| drop(caller.send(Ok(Done::Committed))));
    }

    /// One answer a job, in order.
    async fn serve(&mut self, jobs: &[Job]) -> Vec<Answer> {
        if jobs.is_empty() {
            return Vec::new();
        }
        match self.transaction(jobs).await {
            Ok(answers) => answers,
            Err(error) if jobs.len() == 1 => vec![Err(error)],
            Err(error) => {
                tracing::warn!(%error, members = jobs.len(), "a group of writes failed: trying its members one by one");
                self.one_by_one(jobs).await
            }
        }
    }

    /// Once the machine refuses a member, the rest is spared the attempt.
    async fn one_by_one(&mut self, jobs: &[Job]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(jobs.len());
        let mut refused: Option<String> = None;
        for job in jobs {
            if let Some(reason) = &refused {
                answers.push(Err(StoreError::Unavailable(reason.clone())));
                continue;
            }
            match self.transaction(std::slice::from_ref(job)).await {
                Ok(answer) => answers.extend(answer),
                Err(error) => {
                    if let StoreError::Unavailable(reason) = &error {
                        refused = Some(reason.clone());
                    }
                    answers.push(Err(error));
                }
            }
        }
        answers
    }

    async fn transaction(&mut self, jobs: &[Job]) -> Result<Vec<Answer>, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let before = self.counters;
        match transact(&mut connection, &mut self.counters, jobs).await {
            Ok(answers) => {
                self.connection = Some(connection);
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
    counters: &mut commit::Counters,
    jobs: &[Job],
) -> Result<Vec<Answer>, StoreError> {
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
            Job::Close => Ok(Done::Committed),
        });
    }
    for (index, refusal) in commit::commit_all(connection, counters, &sets).await? {
        if let Some(answer) = answers.get_mut(index) {
            *answer = Err(refusal);
        }
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    Ok(answers)
}

/// The outer error is the group's, the inner one this caller's.
async fn write(connection: &mut SqliteConnection, statements: &Statements) -> Result<Answer, StoreError> {
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
