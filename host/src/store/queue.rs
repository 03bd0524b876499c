//! The way in for what is written together. Callers queue, and what has queued up while one group was under way is the next: it
//! shares a transaction, and with it one fsync.
//!
//! Promises: an answer is given only after the group has ended; a member that is refused does not touch the others of its group; an
//! unexpected error undoes the whole group, whose members are then tried one by one; a caller that has gone away changes
//! nothing for anyone.

use super::StoreError;
use crate::task::Tasks;
use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

/// How many may wait; who comes then waits for a place.
const LONGEST: usize = 1024;
/// How many share a transaction.
const GROUP: usize = 256;

pub(super) type Answer<D> = Result<D, StoreError>;

/// Does what is queued.
#[async_trait]
pub(super) trait Work: Send + 'static {
    /// One caller's wish.
    type Job: Send + Sync + 'static;
    /// What was done.
    type Done: Send + 'static;

    /// Does all of these, and answers each, in order; or, with an error, none.
    async fn transaction(&mut self, jobs: &[Self::Job]) -> Result<Vec<Answer<Self::Done>>, StoreError>;

    /// Lets go of everything, behind all that was queued.
    async fn shut(&mut self);
}

enum Entry<W: Work> {
    Job(W::Job, oneshot::Sender<Answer<W::Done>>),
    Close(oneshot::Sender<()>),
}

/// The near end.
pub(super) struct Queue<W: Work>(mpsc::Sender<Entry<W>>);

impl<W: Work> Clone for Queue<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: Work> Queue<W> {
    pub fn start(name: &'static str, work: W, tasks: &Tasks) -> Self {
        let (near, far) = mpsc::channel(LONGEST);
        tasks.spawn(name, run(work, far));
        Self(near)
    }

    pub async fn ask(&self, job: W::Job) -> Answer<W::Done> {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let (answer, answered) = oneshot::channel();
        self.0.send(Entry::Job(job, answer)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Ends the work behind all that is queued.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        // It may be closed already.
        if self.0.send(Entry::Close(answer)).await.is_ok() {
            _ = answered.await;
        }
    }
}

async fn run<W: Work>(mut work: W, mut queue: mpsc::Receiver<Entry<W>>) {
    let mut waiting = Vec::with_capacity(GROUP);
    let mut closing = Vec::new();
    while queue.recv_many(&mut waiting, GROUP).await > 0 {
        let mut jobs = Vec::with_capacity(waiting.len());
        let mut callers = Vec::with_capacity(waiting.len());
        for entry in waiting.drain(..) {
            match entry {
                Entry::Job(job, caller) => {
                    jobs.push(job);
                    callers.push(caller);
                }
                Entry::Close(caller) => {
                    queue.close();
                    closing.push(caller);
                }
            }
        }
        for (caller, answer) in callers.into_iter().zip(serve(&mut work, &jobs).await) {
            // A caller that has gone away needs no answer.
            _ = caller.send(answer);
        }
    }
    work.shut().await;
    closing.into_iter().for_each(|caller| _ = caller.send(()));
}

/// One answer a job, in order.
async fn serve<W: Work>(work: &mut W, jobs: &[W::Job]) -> Vec<Answer<W::Done>> {
    if jobs.is_empty() {
        return Vec::new();
    }
    match work.transaction(jobs).await {
        Ok(answers) => answers,
        Err(error) if jobs.len() == 1 => vec![Err(error)],
        Err(error) => {
            tracing::warn!(%error, members = jobs.len(), "a group of writes failed: trying its members one by one");
            one_by_one(work, jobs).await
        }
    }
}

/// Once the machine refuses a member, the rest is spared the attempt.
async fn one_by_one<W: Work>(work: &mut W, jobs: &[W::Job]) -> Vec<Answer<W::Done>> {
    let mut answers = Vec::with_capacity(jobs.len());
    let mut refused: Option<String> = None;
    for job in jobs {
        if let Some(reason) = &refused {
            answers.push(Err(StoreError::Unavailable(reason.clone())));
            continue;
        }
        match work.transaction(std::slice::from_ref(job)).await {
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
