//! Accounts, sign-ins and tokens, and the forgetful memory: small rows, read by key.

use super::bulk::Values;
use super::read::first;
use super::{DbArguments, ThisStore, dialect, erase, rows};
use crate::store::{Account, Accounts, ApiToken, Ended, Memory, SignIn, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use domain::json;
use domain::time::Timestamp;
use tokio::sync::broadcast;
use uuid::Uuid;

const ACCOUNT: &str = "SELECT id, email, name, password_hash, created_at FROM account WHERE id = $1";
const ACCOUNT_BY_EMAIL: &str = "SELECT id, email, name, password_hash, created_at FROM account WHERE email = $1";
const SIGN_IN: &str = "SELECT id, user_id, created_at, expires_at FROM session WHERE id = $1";
const TOKENS: &str = "SELECT id, user_id, name, scopes, hash, created_at, expires_at, last_used_at FROM api_token \
     WHERE user_id = $1 ORDER BY created_at, id";
const TOKEN_BY_HASH: &str =
    "SELECT id, user_id, name, scopes, hash, created_at, expires_at, last_used_at FROM api_token WHERE hash = $1";

/// Statements that are written together. The first may find its key taken, which is a conflict; it has then done nothing.
pub type Statements = Vec<(&'static str, DbArguments)>;

/// Statements with their values, built in order.
#[derive(Default)]
pub struct Batch(Statements);

impl Batch {
    pub fn add(mut self, sql: &'static str, bind: impl FnOnce(Values) -> Values) -> Result<Self, StoreError> {
        self.0.push((sql, bind(Values::default()).finish()?));
        Ok(self)
    }

    /// Some that have the same values.
    pub fn add_all(self, all: &[&'static str], bind: impl Fn(Values) -> Values) -> Result<Self, StoreError> {
        all.iter().try_fold(self, |batch, sql| batch.add(sql, &bind))
    }

    /// How many rows each touched.
    pub async fn run(self, store: &ThisStore) -> Result<Vec<u64>, StoreError> {
        store.writer.write(self.0).await
    }

    /// What this ends, by its first statement, is told to every host once it is committed.
    pub async fn end(self, store: &ThisStore, ended: Ended) -> Result<Vec<u64>, StoreError> {
        let told = json::text(&ended);
        let touched = self.add_all(dialect::TELL_ENDED, |v| v.add(told.as_str()))?.run(store).await?;
        if touched.first().is_some_and(|touched| *touched > 0) {
            store.endings.tell(ended);
        }
        Ok(touched)
    }
}

/// One statement; how many rows it touched.
pub async fn write_one(store: &ThisStore, sql: &'static str, bind: impl FnOnce(Values) -> Values) -> Result<u64, StoreError> {
    Ok(Batch::default().add(sql, bind)?.run(store).await?.first().copied().unwrap_or(0))
}

#[async_trait]
impl Accounts for ThisStore {
    async fn create_account(&self, account: &Account) -> Result<(), StoreError> {
        let sql = "INSERT INTO account (id, email, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)";
        let bind = |v: Values| {
            let v = v.add(account.id.as_str()).add(account.email.as_str()).add(account.name.as_deref());
            v.add(account.password_hash.as_str()).add(account.created_at.millis())
        };
        write_one(self, sql, bind).await.map(drop)
    }

    async fn account(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        self.readers.find(ACCOUNT, |v| v.add(id.as_str()), rows::account).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError> {
        self.readers.find(ACCOUNT_BY_EMAIL, |v| v.add(email), rows::account).await
    }

    async fn delete_account(&self, id: &UserId) -> Result<(), StoreError> {
        erase::account(self, id).await
    }

    async fn change_password(&self, id: &UserId, from: &str, to: &str, but: Option<Uuid>) -> Result<bool, StoreError> {
        let account = "UPDATE account SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
        // Only where that was done: each hash has a salt of its own, so the new one stands only where this has put it.
        let sign_ins = "DELETE FROM session WHERE user_id = $1 AND id IS DISTINCT FROM $2 \
                        AND EXISTS (SELECT 1 FROM account a WHERE a.id = $1 AND a.password_hash = $3)";
        let batch = Batch::default().add(account, |v| v.add(id.as_str()).add(from).add(to))?;
        let batch = batch.add(sign_ins, |v| v.add(id.as_str()).add(but).add(to))?;
        let touched = batch.end(self, Ended::SignIns { user: id.clone(), but }).await?;
        Ok(touched.first().is_some_and(|replaced| *replaced > 0))
    }

    async fn create_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let sql = "INSERT INTO session (id, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)";
        let bind = |v: Values| {
            let v = v.add(sign_in.id).add(sign_in.user.as_str());
            v.add(sign_in.created_at.millis()).add(sign_in.expires_at.millis())
        };
        let held = Batch::default().add_all(dialect::HOLD_ACCOUNT, |v| v.add(sign_in.user.as_str()))?;
        held.add(sql, bind)?.run(self).await.map(drop)
    }

    async fn sign_in(&self, id: Uuid) -> Result<Option<SignIn>, StoreError> {
        self.at_hand().sign_in(id, self.readers.find(SIGN_IN, |v| v.add(id), rows::sign_in)).await
    }

    async fn end_sign_in(&self, id: Uuid) -> Result<(), StoreError> {
        let batch = Batch::default().add("DELETE FROM session WHERE id = $1", |v| v.add(id))?;
        batch.end(self, Ended::SignIn(id)).await.map(drop)
    }

    async fn create_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        let sql = "INSERT INTO api_token (id, user_id, name, scopes, hash, created_at, expires_at, last_used_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let bind = |v: Values| {
            let v = v.add(token.id).add(token.user.as_str()).add(token.name.as_str());
            let v = v.add(json::text(&token.scopes)).add(token.hash.as_slice()).add(token.created_at.millis());
            v.add(token.expires_at.map(Timestamp::millis)).add(token.last_used_at.map(Timestamp::millis))
        };
        write_one(self, sql, bind).await.map(drop)
    }

    async fn tokens(&self, user: &UserId) -> Result<Vec<ApiToken>, StoreError> {
        self.readers.find_all(TOKENS, |v| v.add(user.as_str()), rows::api_token).await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        self.readers.find(TOKEN_BY_HASH, |v| v.add(hash.as_slice()), rows::api_token).await
    }

    async fn revoke_token(&self, user: &UserId, id: Uuid) -> Result<bool, StoreError> {
        let sql = "DELETE FROM api_token WHERE user_id = $1 AND id = $2";
        let batch = Batch::default().add(sql, |v| v.add(user.as_str()).add(id))?;
        let touched = batch.end(self, Ended::Token { user: user.clone(), id }).await?;
        Ok(touched.first().is_some_and(|removed| *removed > 0))
    }

    async fn touch_token(&self, id: Uuid, used_at: Timestamp) -> Result<(), StoreError> {
        let sql = "UPDATE api_token SET last_used_at = $1 WHERE id = $2";
        write_one(self, sql, |v| v.add(used_at.millis()).add(id)).await.map(drop)
    }

    fn ended(&self) -> broadcast::Receiver<Ended> {
        self.endings.receiver()
    }
}

#[async_trait]
impl Memory for ThisStore {
    async fn recall(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT value FROM memory WHERE key = $1 AND expires_at > $2";
        self.readers.find(sql, |v| v.add(key).add(now.millis()), first).await
    }

    async fn remember(&self, key: &str, value: &[u8], expires_at: Timestamp) -> Result<(), StoreError> {
        let sql = "INSERT INTO memory (key, value, expires_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at";
        write_one(self, sql, |v| v.add(key).add(value).add(expires_at.millis())).await.map(drop)
    }

    async fn claim(&self, key: &str, now: Timestamp, expires_at: Timestamp) -> Result<bool, StoreError> {
        let sql = "INSERT INTO memory (key, value, expires_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at \
                   WHERE memory.expires_at <= $4";
        let nothing: &[u8] = &[];
        let bind = |v: Values| v.add(key).add(nothing).add(expires_at.millis()).add(now.millis());
        let taken = write_one(self, sql, bind).await?;
        Ok(taken > 0)
    }
}
