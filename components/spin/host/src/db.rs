//! The database that Spin gives (`spin:sqlite`): statements, rows, and transactions. The only module that names it.
//!
//! Statements are waited for: an instance serves several requests at a time, but none of another's between two statements of one, so that a
//! transaction waits for nothing but SQLite. Many instances use one database. A connection is somebody's alone while it is
//! out; one that comes back in the middle of something is closed, which undoes it.

#[cfg(not(test))]
mod spin;
#[cfg(test)]
pub mod testing;

#[cfg(not(test))]
use spin::Raw;
#[cfg(test)]
use testing::Raw;

use crate::{clock, schema};
use rand::Rng;
pub use spin_sdk::sqlite::Value;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::time::Duration;
use uuid::Uuid;

/// Connections that are kept for the next request.
const IDLE: usize = 8;
/// Milliseconds that a statement waits for another's, and its instance with it.
const BUSY: u32 = 20;
/// How often a transaction is begun before the database is said to be busy: it takes about ten seconds.
const MOST_TRIES: u32 = 300;

thread_local! {
    static POOL: RefCell<Vec<Raw>> = const { RefCell::new(Vec::new()) };
}

/// Why the store did not do what it was asked. In each case nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// A version, a claim, a key or an address was taken meanwhile.
    Conflict,
    /// With a reason that is fit to be shown.
    Unavailable(String),
}

fn busy() -> StoreError {
    StoreError::Unavailable("the database is busy; try again".to_owned())
}

impl StoreError {
    /// What a statement's failure is. The cause of what may not be shown goes to the log of `spin up`.
    fn of(cause: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| cause.contains(word));
        if has(&["UNIQUE constraint failed"]) {
            Self::Conflict
        } else if has(&["is locked", "is busy"]) {
            busy()
        } else if has(&["is full", "readonly", "disk I/O", "unable to open"]) {
            Self::Unavailable(format!("the database cannot be written or read: {cause}"))
        } else {
            eprintln!("the store failed: {cause}");
            Self::Unavailable("the store failed; the cause is in the log".to_owned())
        }
    }

    /// A value that was written is not what it should be.
    pub fn damaged(what: &str, why: impl Display) -> Self {
        Self::of(&format!("a {what} in the database is damaged: {why}"))
    }
}

/// A connection, for one caller.
pub struct Connection {
    /// There, until it is dropped.
    raw: Option<Raw>,
    /// Whether a statement runs, or a transaction is open.
    busy: Cell<bool>,
    within: Cell<bool>,
}

impl Connection {
    /// One whose tables are there.
    pub async fn open() -> Result<Self, StoreError> {
        let idle = POOL.with(|pool| pool.borrow_mut().pop());
        let raw = match idle {
            Some(raw) => raw,
            None => Raw::open().await.map_err(|cause| StoreError::of(&cause))?,
        };
        let connection = Self { raw: Some(raw), busy: Cell::new(false), within: Cell::new(false) };
        schema::ready(&connection).await?;
        Ok(connection)
    }

    /// Runs one statement; what it answers.
    pub async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let Some(raw) = &self.raw else { return Ok(Vec::new()) };
        self.busy.set(true);
        let rows = raw.run(sql, values).await;
        self.busy.set(false);
        rows.map(|rows| rows.into_iter().map(Row).collect()).map_err(|cause| StoreError::of(&cause))
    }

    /// What each row says.
    pub async fn all<T>(
        &self,
        sql: &str,
        values: Vec<Value>,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.run(sql, values).await?.iter().map(read).collect()
    }

    /// What the first row says, if there is one.
    pub async fn find<T>(
        &self,
        sql: &str,
        values: Vec<Value>,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.run(sql, values).await?.first().map(read).transpose()
    }

    /// What the one row says.
    pub async fn get<T>(
        &self,
        sql: &str,
        values: Vec<Value>,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.find(sql, values, read).await?.ok_or_else(|| StoreError::damaged("row", "there is none"))
    }

    /// Begins a transaction that writes, or says that the database is busy. The caller ends it. While another instance writes, those
    /// that wait look again at moments of chance, so that each comes to its turn, and their instances do something else.
    pub async fn begin(&self) -> Result<(), StoreError> {
        for _ in 0..MOST_TRIES {
            self.within.set(true);
            let begun = self.run("BEGIN IMMEDIATE", Vec::new()).await;
            self.within.set(begun.is_ok());
            if begun.as_ref().err() != Some(&busy()) {
                return begun.map(drop);
            }
            clock::sleep(Duration::from_millis(rand::rng().random_range(1..20))).await;
        }
        Err(busy())
    }

    /// Ends the transaction: what `done` says is what becomes of it.
    pub async fn end<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        let ended = match &done {
            Ok(_) => self.run("COMMIT", Vec::new()).await,
            Err(_) => self.run("ROLLBACK", Vec::new()).await,
        };
        // What could neither be kept nor undone is undone as the connection is closed.
        self.within.set(ended.is_err());
        done.and_then(|value| ended.map(|_| value))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take().filter(|_| !self.busy.get() && !self.within.get()) {
            POOL.with(|pool| {
                let mut pool = pool.borrow_mut();
                if pool.len() < IDLE {
                    pool.push(raw);
                }
            });
        }
    }
}

/// Does all of it in one transaction, or nothing.
pub async fn write<T>(act: impl AsyncFnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let connection = Connection::open().await?;
    connection.begin().await?;
    let done = act(&connection).await;
    connection.end(done).await
}

/// A row of an answer.
pub struct Row(Vec<Value>);

impl Row {
    fn value(&self, column: usize) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }

    pub fn maybe_integer(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.value(column) {
            Value::Integer(number) => Ok(Some(*number)),
            Value::Null => Ok(None),
            _ => Err(StoreError::damaged("number", "it is none")),
        }
    }

    pub fn integer(&self, column: usize) -> Result<i64, StoreError> {
        self.maybe_integer(column)?.ok_or_else(|| StoreError::damaged("number", "it is missing"))
    }

    pub fn truth(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.integer(column)? != 0)
    }

    pub fn maybe_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.value(column) {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            _ => Err(StoreError::damaged("text", "it is none")),
        }
    }

    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.maybe_text(column)?.ok_or_else(|| StoreError::damaged("text", "it is missing"))
    }

    pub fn maybe_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.value(column) {
            Value::Blob(bytes) => Ok(Some(bytes)),
            Value::Null => Ok(None),
            _ => Err(StoreError::damaged("value", "it is no bytes")),
        }
    }

    pub fn maybe_uuid(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        let bytes = self.maybe_blob(column)?;
        bytes.map(|bytes| Uuid::from_slice(bytes).map_err(|why| StoreError::damaged("id", why))).transpose()
    }

    pub fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        self.maybe_uuid(column)?.ok_or_else(|| StoreError::damaged("id", "it is missing"))
    }
}

/// As it stands in the database: 16 bytes.
pub fn uuid(id: Uuid) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// A statement, built with its values.
#[derive(Debug, Default)]
pub struct Sql {
    pub text: String,
    pub values: Vec<Value>,
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.text.push('?');
        self.values.push(value.into());
        self
    }

    /// What each row says.
    pub async fn all<T>(
        self,
        connection: &Connection,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        connection.all(&self.text, self.values, read).await
    }
}

/// Rows of one statement: SQLite takes 32,766 values.
const ROWS_AT_ONCE: usize = 256;

/// Inserts rows, each of the same columns; `tail` follows behind their values.
pub async fn insert(connection: &Connection, head: &str, rows: Vec<Vec<Value>>, tail: &str) -> Result<(), StoreError> {
    let mut rows = rows.into_iter().peekable();
    while let Some(columns) = rows.peek().map(Vec::len) {
        let some: Vec<Vec<Value>> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        let row = format!("({})", vec!["?"; columns].join(", "));
        let sql = format!("{head} VALUES {} {tail}", vec![row.as_str(); some.len()].join(", "));
        connection.run(&sql, some.into_iter().flatten().collect()).await?;
    }
    Ok(())
}
