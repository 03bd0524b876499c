//! A connection of Spin's.

use super::Value;
use spin_sdk::sqlite::{Connection, Error};

/// Closed when it is dropped.
pub struct Raw(Connection);

impl Raw {
    pub async fn open() -> Result<Self, String> {
        Connection::open_default().await.map(Self).map_err(cause)
    }

    pub async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, String> {
        let answer = self.0.execute(sql, values).await.map_err(cause)?;
        let rows = answer.collect().await.map_err(cause)?;
        Ok(rows.into_iter().map(|row| row.values).collect())
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
