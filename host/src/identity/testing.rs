//! What the tests of identity share: a clock that stands still until it is moved, and accounts in memory.

use crate::clock::Clock;
use crate::store::{Account, Accounts, ApiToken, SignIn, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use domain::time::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use uuid::Uuid;

pub struct FixedClock(AtomicI64);

impl FixedClock {
    pub fn at(millis: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(millis)))
    }

    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

#[derive(Default)]
struct Tables {
    accounts: Vec<Account>,
    sign_ins: Vec<SignIn>,
    tokens: Vec<ApiToken>,
    touches: usize,
    broken: bool,
}

#[derive(Default)]
pub struct MemoryAccounts(Mutex<Tables>);

impl MemoryAccounts {
    /// Like a store whose disk is gone.
    pub fn set_broken(&self, broken: bool) {
        self.0.lock().unwrap().broken = broken;
    }

    pub fn touches(&self) -> usize {
        self.0.lock().unwrap().touches
    }

    fn tables(&self) -> Result<MutexGuard<'_, Tables>, StoreError> {
        let tables = self.0.lock().unwrap();
        if tables.broken { Err(StoreError::Internal(anyhow::anyhow!("secret details"))) } else { Ok(tables) }
    }
}

#[async_trait]
impl Accounts for MemoryAccounts {
    async fn create_account(&self, account: &Account) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        if tables.accounts.iter().any(|other| other.email == account.email) {
            return Err(StoreError::Conflict);
        }
        tables.accounts.push(account.clone());
        Ok(())
    }

    async fn account(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        Ok(self.tables()?.accounts.iter().find(|account| account.id == *id).cloned())
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.tables()?.accounts.iter().find(|account| account.email == email).cloned())
    }

    async fn delete_account(&self, id: &UserId) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        tables.accounts.retain(|account| account.id != *id);
        tables.sign_ins.retain(|sign_in| sign_in.user != *id);
        tables.tokens.retain(|token| token.user != *id);
        Ok(())
    }

    async fn create_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        self.tables()?.sign_ins.push(sign_in.clone());
        Ok(())
    }

    async fn sign_in(&self, id: Uuid) -> Result<Option<SignIn>, StoreError> {
        Ok(self.tables()?.sign_ins.iter().find(|sign_in| sign_in.id == id).cloned())
    }

    async fn end_sign_in(&self, id: Uuid) -> Result<(), StoreError> {
        self.tables()?.sign_ins.retain(|sign_in| sign_in.id != id);
        Ok(())
    }

    async fn create_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        self.tables()?.tokens.push(token.clone());
        Ok(())
    }

    async fn tokens(&self, user: &UserId) -> Result<Vec<ApiToken>, StoreError> {
        Ok(self.tables()?.tokens.iter().filter(|token| token.user == *user).cloned().collect())
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        Ok(self.tables()?.tokens.iter().find(|token| token.hash == *hash).cloned())
    }

    async fn revoke_token(&self, user: &UserId, id: Uuid) -> Result<bool, StoreError> {
        let mut tables = self.tables()?;
        let before = tables.tokens.len();
        tables.tokens.retain(|token| token.user != *user || token.id != id);
        Ok(tables.tokens.len() < before)
    }

    async fn touch_token(&self, id: Uuid, used_at: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables()?;
        tables.touches += 1;
        for token in tables.tokens.iter_mut().filter(|token| token.id == id) {
            token.last_used_at = Some(used_at);
        }
        Ok(())
    }
}
