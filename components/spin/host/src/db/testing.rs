//! A connection that stands in for Spin's: to the database of the test at hand, as Spin opens its own.

use super::{BUSY, POOL, Value};
use crate::schema;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Column, ConnectOptions, Row, SqlSafeStr, TypeInfo, ValueRef};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::Mutex;

thread_local! {
    static FILE: RefCell<PathBuf> = RefCell::default();
}

/// From now on this thread has a database of its own.
pub fn begin(folder: &Path) {
    FILE.replace(folder.join("test.db"));
    POOL.with(|pool| pool.borrow_mut().clear());
    schema::forget();
}

pub struct Raw(Mutex<SqliteConnection>);

impl Raw {
    pub async fn open() -> Result<Self, String> {
        let options = SqliteConnectOptions::new().filename(FILE.with_borrow(Clone::clone)).create_if_missing(true);
        let options = options.busy_timeout(Duration::from_millis(BUSY.into())).foreign_keys(false);
        Ok(Self(Mutex::new(options.connect().await.map_err(cause)?)))
    }

    pub async fn run(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Vec<Value>>, String> {
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()).into_sql_str());
        for value in values {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Integer(number) => query.bind(number),
                Value::Real(number) => query.bind(number),
                Value::Text(text) => query.bind(text),
                Value::Blob(bytes) => query.bind(bytes),
            };
        }
        let rows = query.fetch_all(&mut *self.0.lock().await).await.map_err(cause)?;
        Ok(rows.iter().map(values_of).collect())
    }
}

fn values_of(row: &SqliteRow) -> Vec<Value> {
    let value = |at: usize| {
        let value = row.try_get_raw(at).unwrap();
        if value.is_null() {
            return Value::Null;
        }
        match value.type_info().name() {
            "TEXT" => Value::Text(row.try_get_unchecked(at).unwrap()),
            "BLOB" => Value::Blob(row.try_get_unchecked(at).unwrap()),
            "REAL" => Value::Real(row.try_get_unchecked(at).unwrap()),
            _ => Value::Integer(row.try_get_unchecked(at).unwrap()),
        }
    };
    row.columns().iter().map(|column| value(column.ordinal())).collect()
}

fn cause(error: sqlx::Error) -> String {
    error.to_string()
}
