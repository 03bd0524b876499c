//! What the tests of identity share: a clock that stands still until it is moved, and a store that can be broken.

use crate::clock::Clock;
use crate::store::sqlite::SqliteStore;
use crate::store::{Account, Accounts, ApiToken, Ended, SignIn, StoreError};
use async_trait::async_trait;
use domain::id::UserId;
use domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::sync::broadcast;
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

/// The real store, in a folder of its own, behind a switch that breaks it.
pub struct BreakableAccounts {
    store: SqliteStore,
    _folder: TempDir,
    broken: AtomicBool,
    overtaken: AtomicBool,
    touches: AtomicUsize,
}

impl BreakableAccounts {
    pub async fn open() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path()).await.unwrap();
        let no = || AtomicBool::new(false);
        Arc::new(Self { store, _folder: folder, broken: no(), overtaken: no(), touches: AtomicUsize::new(0) })
    }

    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    /// The password of whoever signs in next is changed just before the sign-in is written.
    pub fn overtake_next_sign_in(&self) {
        self.overtaken.store(true, Ordering::SeqCst);
    }

    /// How often a token's last use was written.
    pub fn touches(&self) -> usize {
        self.touches.load(Ordering::SeqCst)
    }

    fn store(&self) -> Result<&SqliteStore, StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Internal(anyhow::anyhow!("secret details")));
        }
        Ok(&self.store)
    }
}

#[async_trait]
impl Accounts for BreakableAccounts {
    async fn create_account(&self, account: &Account) -> Result<(), StoreError> {
        self.store()?.create_account(account).await
    }

    async fn account(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        self.store()?.account(id).await
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError> {
        self.store()?.account_by_email(email).await
    }

    async fn delete_account(&self, id: &UserId) -> Result<(), StoreError> {
        self.store()?.delete_account(id).await
    }

    async fn change_password(&self, id: &UserId, from: &str, to: &str, but: Option<Uuid>) -> Result<bool, StoreError> {
        self.store()?.change_password(id, from, to, but).await
    }

    async fn create_sign_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        if self.overtaken.swap(false, Ordering::SeqCst) {
            let account = self.store()?.account(&sign_in.user).await?.unwrap();
            assert!(self.store()?.change_password(&account.id, &account.password_hash, "another", None).await?);
        }
        self.store()?.create_sign_in(sign_in).await
    }

    async fn sign_in(&self, id: Uuid) -> Result<Option<SignIn>, StoreError> {
        self.store()?.sign_in(id).await
    }

    async fn end_sign_in(&self, id: Uuid) -> Result<(), StoreError> {
        self.store()?.end_sign_in(id).await
    }

    async fn create_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        self.store()?.create_token(token).await
    }

    async fn tokens(&self, user: &UserId) -> Result<Vec<ApiToken>, StoreError> {
        self.store()?.tokens(user).await
    }

    async fn token_by_hash(&self, hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        self.store()?.token_by_hash(hash).await
    }

    async fn revoke_token(&self, user: &UserId, id: Uuid) -> Result<bool, StoreError> {
        self.store()?.revoke_token(user, id).await
    }

    async fn touch_token(&self, id: Uuid, used_at: Timestamp) -> Result<(), StoreError> {
        self.touches.fetch_add(1, Ordering::SeqCst);
        self.store()?.touch_token(id, used_at).await
    }

    fn ended(&self) -> broadcast::Receiver<Ended> {
        self.store.ended()
    }
}
