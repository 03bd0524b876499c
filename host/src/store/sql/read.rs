//! Reading: a statement, its values, and what its rows mean.

use super::bulk::Values;
use super::{Db, DbRow, Readers};
use crate::store::StoreError;
use sqlx::{Decode, Execute, QueryBuilder, Row, SqlSafeStr, Type};

/// Reads a row that there may be.
pub trait Read<T>: Future<Output = Result<Option<T>, StoreError>> + Send {}

impl<T, F: Future<Output = Result<Option<T>, StoreError>> + Send> Read<T> for F {}

impl Readers {
    /// What the first row says, if there is one.
    pub async fn find<T>(
        &self,
        sql: impl SqlSafeStr,
        bind: impl FnOnce(Values) -> Values,
        read: impl Fn(&DbRow) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.optional(sql.into_sql_str(), bind(Values::default()).finish()?).await?;
        row.as_ref().map(read).transpose()
    }

    /// What each row says.
    pub async fn find_all<T>(
        &self,
        sql: impl SqlSafeStr,
        bind: impl FnOnce(Values) -> Values,
        read: impl Fn(&DbRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let found = self.all(sql.into_sql_str(), bind(Values::default()).finish()?).await?;
        found.iter().map(read).collect()
    }

    /// What each row of a statement says that was built with its values.
    pub async fn build_all<T>(
        &self,
        mut built: QueryBuilder<Db>,
        read: impl Fn(&DbRow) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let values = built.build().take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let found = self.all(built.into_sql(), values).await?;
        found.iter().map(read).collect()
    }

    /// What the one row says.
    pub async fn get<T>(
        &self,
        sql: impl SqlSafeStr,
        bind: impl FnOnce(Values) -> Values,
        read: impl Fn(&DbRow) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.find(sql, bind, read).await?.ok_or_else(|| sqlx::Error::RowNotFound.into())
    }
}

/// The first column.
pub fn first<T: for<'r> Decode<'r, Db> + Type<Db>>(row: &DbRow) -> Result<T, StoreError> {
    Ok(row.try_get(0)?)
}
