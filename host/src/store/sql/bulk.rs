//! Many rows in few statements: each statement costs a way to the database and back, each row does not.

use super::{Db, DbArguments, DbConnection, damaged, dialect};
use crate::store::StoreError;
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

/// How many rows one statement takes; few sizes, so that each stays prepared.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// The text of an insert around its rows.
pub struct Insert {
    pub head: &'static str,
    pub columns: usize,
    pub tail: &'static str,
}

/// The values of statements, in order.
#[derive(Clone, Default)]
pub struct Values(DbArguments, Option<String>);

impl Values {
    /// Makes room for so many.
    fn with_room(count: usize) -> Self {
        let mut values = Self::default();
        values.0.reserve(count, 0);
        values
    }

    /// Adds one. A value that cannot be bound is reported when the values are used.
    #[must_use]
    pub fn add<'t, T: Encode<'t, Db> + Type<Db>>(mut self, value: T) -> Self {
        if let Err(error) = self.0.add(value) {
            self.1 = Some(error.to_string());
        }
        self
    }

    pub fn finish(self) -> Result<DbArguments, StoreError> {
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
        connection: &mut DbConnection,
        rows: &[R],
        bind: impl Fn(&R, Values) -> Values,
    ) -> Result<(), StoreError> {
        let mut rest = rows;
        for size in SIZES {
            while let Some((chunk, after)) = rest.split_at_checked(size) {
                let values = Values::with_room(size * self.columns);
                let values = chunk.iter().fold(values, |values, row| bind(row, values));
                sqlx::query_with(AssertSqlSafe(self.sql(size)), values.finish()?).execute(&mut *connection).await?;
                rest = after;
            }
        }
        Ok(())
    }

    fn sql(&self, rows: usize) -> String {
        let row = |row: usize| {
            let values: Vec<String> =
                (1..=self.columns).map(|column| dialect::placeholder(row * self.columns + column)).collect();
            format!("({})", values.join(","))
        };
        format!("{} VALUES {} {}", self.head, (0..rows).map(row).collect::<Vec<_>>().join(","), self.tail)
    }
}
