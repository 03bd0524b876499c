//! A connection of Spin's, by the calls that wait: this instance does nothing else meanwhile. Those that do not were tried: a statement is
//! done in a fraction of a millisecond, and to hear of it later takes longer.

use super::{BUSY, Value};
use spin_sdk::sqlite::Error;
use spin_sdk::sqlite::wit::sqlite::Connection;

/// Closed when it is dropped.
pub struct Raw(Connection);

impl Raw {
    pub async fn open() -> Result<Self, String> {
        let raw = Connection::open("default").map(Self).map_err(cause)?;
        raw.run(&format!("PRAGMA busy_timeout = {BUSY}"), Vec::new()).await?;
        Ok(raw)
    }

    pub async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, String> {
        let answer = self.0.execute(sql, &values).map_err(cause)?;
        Ok(answer.rows.into_iter().map(|row| row.values).collect())
    }
}

fn cause(error: Error) -> String {
    match error {
        Error::NoSuchDatabase | Error::AccessDenied => {
            "unable to open the database \"default\": name it in sqlite_databases of the component, and let its adapter inherit it"
                .to_owned()
        }
        Error::InvalidConnection => "the connection is closed".to_owned(),
        Error::DatabaseFull => "the database is full".to_owned(),
        Error::Io(cause) => cause,
    }
}
