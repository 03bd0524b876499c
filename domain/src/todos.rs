//! The use cases: what may be done with tasks, over a session, a unit of work and a clock.
//!
//! Every write goes one way: read the tasks in a unit of work, let the pure functions of [`crate::command`] say what changes,
//! put it, commit; and begin again where somebody was faster.

use crate::change::Source;
use crate::command::{self, Command, Edit};
use crate::cursor::{self, Page};
use crate::digest::Digest;
use crate::error::{Error, Fault};
use crate::history::HistoryEntry;
use crate::id::TaskId;
use crate::input::{HistoryParams, PreferencesPatch};
use crate::ports::{Clock, Failure, KeptAnswer, Session, UnitOfWork};
use crate::preferences::Preferences;
use crate::query::TaskQuery;
use crate::series::{self, Reach};
use crate::task::Task;
use crate::time::Timestamp;

/// How often a write is begun, where each time somebody is faster. Each time that somebody is faster, that somebody has
/// succeeded: so many writers of one task at once can all succeed.
pub(crate) const MOST_TRIES: u32 = 100;

/// The use cases of one session.
#[derive(Clone, Copy, Debug)]
pub struct Todos<'a, S, C> {
    pub session: &'a S,
    pub clock: &'a C,
    /// What the history says of the changes made here.
    pub source: Source,
}

/// The promise that a request is carried out once, however often it is sent.
pub struct Idempotency<'a> {
    key: &'a str,
    fingerprint: String,
    /// What is answered to the tasks that result, to be kept for the next who asks.
    answer: &'a (dyn Fn(&[Task]) -> KeptAnswer + Sync),
}

impl<'a> Idempotency<'a> {
    /// `request` is what makes it the same request: method, path, body. The fingerprint of what `answer` gives is set here.
    pub fn new(key: &'a str, request: &[&[u8]], answer: &'a (dyn Fn(&[Task]) -> KeptAnswer + Sync)) -> Result<Self, Error> {
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return Err(Error::invalid("Idempotency-Key", "has 1 to 255 printable ASCII characters"));
        }
        let digest = request.iter().fold(Digest::default(), |digest, piece| digest.with(piece));
        Ok(Self { key, fingerprint: format!("{:016x}", digest.finish()), answer })
    }
}

/// What came of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    Fresh(T),
    /// It was carried out before; this was the answer.
    Kept(KeptAnswer),
}

impl<S: Session, C: Clock> Todos<'_, S, C> {
    /// One task that is not deleted.
    pub async fn get(&self, id: TaskId) -> Result<Task, Error> {
        self.session.get(id, false).await?.ok_or(Error::NotFound)
    }

    /// A page of `query.limit` tasks.
    pub async fn list(&self, mut query: TaskQuery) -> Result<Page<Task>, Error> {
        let size = query.limit as usize;
        query.limit += 1;
        let mut items = self.session.list(&query).await?;
        let more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| more);
        let next_cursor = last.map(|task| cursor::of_tasks(&query, &query.sort.position_of(task)));
        Ok(Page { items, next_cursor })
    }

    /// A page of a task's history. A deleted task's can be read as long as it can be restored.
    pub async fn history(&self, id: TaskId, params: HistoryParams) -> Result<Page<HistoryEntry>, Error> {
        let now = self.clock.now();
        let task = self.session.get(id, true).await?;
        task.filter(|task| command::is_there(task, now)).ok_or(Error::NotFound)?;
        let mut items = self.session.history(Some(id), params.after, params.limit + 1).await?;
        let more = items.len() > params.limit as usize;
        items.truncate(params.limit as usize);
        let next_cursor = items.last().filter(|_| more).map(|entry| cursor::of_history(id, entry.sequence));
        Ok(Page { items, next_cursor })
    }

    /// Does one thing. Gives the task as it then is: where nothing had to be changed, as it was.
    pub async fn run(&self, command: &Command) -> Result<Task, Error> {
        match self.run_once(command, None).await? {
            Answer::Fresh(task) => Ok(task),
            Answer::Kept(_) => Err(Failure::Invalid("an answer was kept of what has no key".to_owned()).into()),
        }
    }

    /// Does one thing, and with an idempotency key does it once.
    pub async fn run_once(&self, command: &Command, idempotency: Option<&Idempotency<'_>>) -> Result<Answer<Task>, Error> {
        match self.all_or_nothing(std::slice::from_ref(command), idempotency).await {
            Ok(Answer::Fresh(tasks)) => tasks.into_iter().next().map(Answer::Fresh).ok_or(Error::NotFound),
            Ok(Answer::Kept(kept)) => Ok(Answer::Kept(kept)),
            Err((_, error)) => Err(error),
        }
    }

    /// Does all of it or nothing, in order. Gives each operation's task as that operation left it.
    pub async fn batch(&self, commands: &[Command], idempotency: Option<&Idempotency<'_>>) -> Result<Answer<Vec<Task>>, Error> {
        let result = self.all_or_nothing(commands, idempotency).await;
        result.map_err(|(index, error)| match index.and_then(|index| Some((index, commands.get(index)?))) {
            Some((index, command)) => in_operation(index, command, error),
            None => error,
        })
    }

    /// On failure, which command failed; none, where it was no rule that refused one.
    async fn all_or_nothing(
        &self,
        commands: &[Command],
        idempotency: Option<&Idempotency<'_>>,
    ) -> Result<Answer<Vec<Task>>, (Option<usize>, Error)> {
        let whole = |error: Error| (None, error);
        let preferences = match commands.iter().any(Command::needs_preferences) {
            true => self.session.preferences().await.map_err(|failure| whole(failure.into()))?,
            false => Preferences::default(),
        };
        for _ in 0..MOST_TRIES {
            if let Some(kept) = self.kept_answer(idempotency).await.map_err(whole)? {
                return Ok(Answer::Kept(kept));
            }
            match self.attempt(commands, idempotency, &preferences).await {
                Err((_, Error::Failure(Failure::Conflict))) => {}
                result => return result.map(Answer::Fresh),
            }
        }
        Err(whole(Failure::Conflict.into()))
    }

    async fn kept_answer(&self, idempotency: Option<&Idempotency<'_>>) -> Result<Option<KeptAnswer>, Error> {
        let Some(Idempotency { key, fingerprint, .. }) = idempotency else { return Ok(None) };
        match self.session.kept_answer(key).await? {
            Some(kept) if kept.fingerprint != *fingerprint => Err(Error::KeyReused),
            kept => Ok(kept),
        }
    }

    async fn attempt(
        &self,
        commands: &[Command],
        idempotency: Option<&Idempotency<'_>>,
        preferences: &Preferences,
    ) -> Result<Vec<Task>, (Option<usize>, Error)> {
        let whole = |failure: Failure| (None, Error::Failure(failure));
        let now = self.clock.now();
        let mut work = self.session.begin(self.source).await.map_err(whole)?;
        let mut tasks = Vec::with_capacity(commands.len());
        let mut writes = idempotency.is_some();
        for (index, command) in commands.iter().enumerate() {
            let done = self.perform(&mut work, command, preferences, now).await;
            let (task, changed) = done.map_err(|error| (Some(index), error))?;
            writes |= changed;
            tasks.push(task);
        }
        if let Some(Idempotency { key, fingerprint, answer }) = idempotency {
            work.keep_answer(key, KeptAnswer { fingerprint: fingerprint.clone(), ..answer(&tasks) }).map_err(whole)?;
        }
        if writes {
            work.commit().await.map_err(whole)?;
        }
        Ok(tasks)
    }

    /// The task as the command leaves it, and whether that is a change.
    async fn perform(
        &self,
        work: &mut S::Work,
        command: &Command,
        preferences: &Preferences,
        now: Timestamp,
    ) -> Result<(Task, bool), Error> {
        let change = match command {
            Command::Create(new) => command::create(new, TaskId(self.clock.new_id()), preferences, now)?,
            Command::Edit { id, precondition, edit } => {
                let task = work.get_for_update(*id, *edit == Edit::Restore).await?.ok_or(Error::NotFound)?;
                match command::edit(&task, edit, precondition, preferences, now)? {
                    Some(change) => change,
                    None => return Ok((task, false)),
                }
            }
        };
        let task = change.task.clone();
        work.put(change)?;
        if matches!(command, Command::Edit { edit: Edit::Delete(Reach::This), .. }) {
            series::put_successor(work, &task, now).await?;
        }
        Ok((task, true))
    }
}

/// A rule's refusal belongs to its operation; a port's failure to the whole.
fn in_operation(index: usize, command: &Command, error: Error) -> Error {
    let place = match command {
        Command::Create(_) => ".task",
        Command::Edit { edit: Edit::Change(..), .. } => ".changes",
        Command::Edit { .. } => "",
    };
    let error = match error {
        Error::Failure(_) => return error,
        Error::Invalid(faults) => {
            let placed = |Fault { path, detail }| Fault { path: format!("operations[{index}]{place}.{path}"), detail };
            Error::Invalid(faults.into_iter().map(placed).collect())
        }
        other => other,
    };
    Error::InOperation { index, error: Box::new(error) }
}

/// The user's preferences after some were changed. It is no event and has no history; of two at once the last one stands.
pub async fn change_preferences<S: Session>(session: &S, patch: &PreferencesPatch, source: Source) -> Result<Preferences, Error> {
    let now = session.preferences().await?;
    let changed = Preferences {
        time_zone: patch.time_zone.unwrap_or(now.time_zone),
        default_reminder_minutes: patch.default_reminder_minutes.unwrap_or(now.default_reminder_minutes),
        theme: patch.theme.unwrap_or(now.theme),
    };
    if changed != now {
        let mut work = session.begin(source).await?;
        work.put_preferences(changed)?;
        work.commit().await?;
    }
    Ok(changed)
}

#[cfg(test)]
mod tests;
