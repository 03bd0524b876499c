//! Accounts, sign-ins and tokens, and the forgetful memory: small rows, read by key.

use super::bulk::Values;
use super::rows;
use super::writer::Statements;
use super::{SqliteStore, erase};
use crate::store::{Account, Accounts, ApiToken, Memory, SignIn, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use domain::json;
use domain::time::Timestamp;
use sqlx::{Encode, Sqlite, Type};
use uuid::Uuid;

const ACCOUNT: &str = "SELECT id, email, name, password_hash, created_at FROM account WHERE id = ?";
const ACCOUNT_BY_EMAIL: &str = "SELECT id, email, name, password_hash, created_at FROM account WHERE email = ?";
const SIGN_IN: &str = "SELECT id, user_id, created_at, expires_at FROM session WHERE id = ?";
const TOKENS: &str = "SELECT id, user_id, name, scopes, hash, created_at, expires_at, last_used_at FROM api_token \
     WHERE user_id = ? ORDER BY created_at, id";
const TOKEN_BY_HASH: &str =
    "SELECT id, user_id, name, scopes, hash, created_at, expires_at, last_used_at FROM api_token WHERE hash = ?";

/// Statements with their values, built in order.
#[derive(Default)]
pub(super) struct Batch(Statements);

impl Batch {
    pub fn add(mut self, sql: &'static str, bind: impl FnOnce(Values) -> Values) -> Result<Self, StoreError> {
        self.0.push((sql, bind(Values::default()).finish()?));
        Ok(self)
    }

    /// How many rows each touched.
    pub async fn run(self, store: &SqliteStore) -> Result<Vec<u64>, StoreError> {
        store.writer.write(self.0).await
    }
}

/// One statement; how many rows it touched.
pub(super) async fn write_one(
    store: &SqliteStore,
    sql: &'static str,
    bind: impl FnOnce(Values) -> Values,
) -> Result<u64, StoreError> {
    Ok(Batch::default().add(sql, bind)?.run(store).await?.first().copied().unwrap_or(0))
}

impl SqliteStore {
    async fn find<'q, K, T>(
        &self,
        sql: &'static str,
        key: K,
        read: fn(&sqlx::sqlite::SqliteRow) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError>
    where
        K: Encode<'q, Sqlite> + Type<Sqlite>,
    {
        let row = sqlx::query(sql).bind(key).fetch_optional(&self.readers).await?;
        row.as_ref().map(read).transpose()
    }
}

#[async_trait]
impl Accounts for SqliteStore {
    async fn create_account(&self, account: &Account) -> Result<(), StoreError> {
        let sql = "INSERT INTO account (id, email, name, password_hash, created_at) VALUES (?, ?, ?, ?, ?)";
        let bind = |v: Values| {
            let v = v.add(account.id.as_str()).add(account.email.as_str()).add(account.name.as_deref());
            v.add(account.password_hash.as_str()).add(account.created_at.millis())
        };
        write_one(self, sql, bind).await.map(drop)
    }

    async fn account(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        self.find(ACCOUNT, id.as_str(), rows::account).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError> {
        self.find(ACCOUNT_BY_EMAIL, email, rows::account).await
    }

    async fn delete_account(&self, id: &UserId) -> Result<(), StoreError> {
        erase::account(self, id).await
    }

    async fn create_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let sql = "INSERT INTO session (id, user_id, created_at, expires_at) VALUES (?, ?, ?, ?)";
        let bind = |v: Values| {
            let v = v.add(sign_in.id.as_bytes().as_slice()).add(sign_in.user.as_str());
            v.add(sign_in.created_at.millis()).add(sign_in.expires_at.millis())
        };
        write_one(self, sql, bind).await.map(drop)
    }

    async fn sign_in(&self, id: Uuid) -> Result<Option<SignIn>, StoreError> {
        self.find(SIGN_IN, id.as_bytes().as_slice(), rows::sign_in).await
    }

    async fn end_sign_in(&self, id: Uuid) -> Result<(), StoreError> {
        write_one(self, "DELETE FROM session WHERE id = ?", |v| v.add(id.as_bytes().as_slice())).await.map(drop)
    }

    async fn create_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        let sql = "INSERT INTO api_token (id, user_id, name, scopes, hash, created_at, expires_at, last_used_at) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let bind = |v: Values| {
            let v = v.add(token.id.as_bytes().as_slice()).add(token.user.as_str()).add(token.name.as_str());
            let v = v.add(json::text(&token.scopes)).add(token.hash.as_slice()).add(token.created_at.millis());
            v.add(token.expires_at.map(Timestamp::millis)).add(token.last_used_at.map(Timestamp::millis))
        };
        write_one(self, sql, bind).await.map(drop)
    }

    async fn tokens(&self, user: &UserId) -> Result<Vec<ApiToken>, StoreError> {
        let found = sqlx::query(TOKENS).bind(user.as_str()).fetch_all(&self.readers).await?;
        found.iter().map(rows::api_token).collect()
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        self.find(TOKEN_BY_HASH, hash.as_slice(), rows::api_token).await
    }

    async fn revoke_token(&self, user: &UserId, id: Uuid) -> Result<bool, StoreError> {
        let sql = "DELETE FROM api_token WHERE user_id = ? AND id = ?";
        let removed = write_one(self, sql, |v| v.add(user.as_str()).add(id.as_bytes().as_slice())).await?;
        Ok(removed > 0)
    }

    async fn touch_token(&self, id: Uuid, used_at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE api_token SET last_used_at = ? WHERE id = ?";
        write_one(self, sql, |v| v.add(used_at.millis()).add(id.as_bytes().as_slice())).await.map(drop)
    }
}

#[async_trait]
impl Memory for SqliteStore {
    async fn recall(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT value FROM memory WHERE key = ? AND expires_at > ?";
        Ok(sqlx::query_scalar(sql).bind(key.to_owned()).bind(now.millis()).fetch_optional(&self.readers).await?)
    }

    async fn remember(&self, key: &str, value: &[u8], expires_at: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO memory (key, value, expires_at) VALUES (?, ?, ?) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
        write_one(self, sql, |v| v.add(key).add(value).add(expires_at.millis())).await.map(drop)
    }

    async fn claim(&self, key: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO memory (key, value, expires_at) VALUES (?, x'', ?) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at \
                   WHERE memory.expires_at <= ?";
        let taken = write_one(self, sql, |v| v.add(key).add(expires_at.millis()).add(now.millis())).await?;
        Ok(taken > 0)
    }
}
