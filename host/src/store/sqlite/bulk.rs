//! Many rows in few statements: each statement costs a hand-over to SQLite's thread, each row does not.

use super::error::damaged;
use crate::store::StoreError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, Type};

/// How many rows one statement takes; few sizes, so that each stays prepared.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// The text of an insert around its rows.
pub(super) struct Insert {
    pub head: &'static str,
    pub columns: usize,
    pub tail: &'static str,
}

/// The values of statements, in order.
#[derive(Clone, Default)]
pub(super) struct Values(pub SqliteArguments, Option<String>);

impl Values {
    /// Adds one. A value that cannot be bound is reported when the values are used.
    #[must_use]
    pub fn add<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(mut self, value: T) -> Self {
        if let Err(error) = self.0.add(value) {
            self.1 = Some(error.to_string());
        }
        self
    }

    pub fn finish(self) -> Result<SqliteArguments, StoreError> {
        match self.1 {
            Some(why) => Err(damaged("value", why)),
            None => Ok(self.0),
        }
    }
}

impl Insert {
    /// Inserts all rows, in order; `bind` adds the values of one.
    pub async fn run<R>(
        &self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(&R, Values) -> Values,
    ) -> Result<(), StoreError> {
        let mut rest = rows;
        for size in SIZES {
            while let Some((chunk, after)) = rest.split_at_checked(size) {
                let mut values = Values::default();
                values.0.reserve(size * self.columns, 0);
                values = chunk.iter().fold(values, |values, row| bind(row, values));
                sqlx::query_with(AssertSqlSafe(self.sql(size)), values.finish()?).execute(&mut *connection).await?;
                rest = after;
            }
        }
        Ok(())
    }

    fn sql(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns].join(","));
        format!("{} VALUES {} {}", self.head, vec![row.as_str(); rows].join(","), self.tail)
    }
}
