//! A store that has nothing: for tests of what must not depend on one.

use crate::store::*;
use async_trait::async_trait;
use domain::history::HistoryEntry;
use domain::id::{TaskId, UserId};
use domain::ports::KeptAnswer;
use domain::preferences::Preferences;
use domain::query::TaskQuery;
use domain::task::Task;
use domain::time::Timestamp;
use tokio::sync::watch;
use uuid::Uuid;

/// Refuses everything.
pub struct NoStore;

fn none<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("this test has no store".to_owned()))
}

#[async_trait]
impl Ledger for NoStore {
    async fn task(&self, _: &UserId, _: TaskId, _: bool) -> Result<Option<Task>, StoreError> {
        none()
    }
    async fn tasks(&self, _: &UserId, _: &TaskQuery) -> Result<Vec<Task>, StoreError> {
        none()
    }
    async fn history(&self, _: &UserId, _: Option<TaskId>, _: Option<u64>, _: u32) -> Result<Vec<HistoryEntry>, StoreError> {
        none()
    }
    async fn preferences(&self, _: &UserId) -> Result<Option<Preferences>, StoreError> {
        none()
    }
    async fn kept_answer(&self, _: &UserId, _: &str) -> Result<Option<KeptAnswer>, StoreError> {
        none()
    }
    async fn claimed(&self, _: &str, _: &str) -> Result<bool, StoreError> {
        none()
    }
    async fn commit(&self, _: ChangeSet) -> Result<(), StoreError> {
        none()
    }
}

#[async_trait]
impl Accounts for NoStore {
    async fn token_by_hash(&self, _: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        none()
    }
    async fn create_account(&self, _: &Account) -> Result<(), StoreError> {
        none()
    }
    async fn account(&self, _: &UserId) -> Result<Option<Account>, StoreError> {
        none()
    }
    async fn account_by_email(&self, _: &str) -> Result<Option<Account>, StoreError> {
        none()
    }
    async fn delete_account(&self, _: &UserId) -> Result<(), StoreError> {
        none()
    }
    async fn create_sign_in(&self, _: &SignIn) -> Result<(), StoreError> {
        none()
    }
    async fn sign_in(&self, _: Uuid) -> Result<Option<SignIn>, StoreError> {
        none()
    }
    async fn end_sign_in(&self, _: Uuid) -> Result<(), StoreError> {
        none()
    }
    async fn create_token(&self, _: &ApiToken) -> Result<(), StoreError> {
        none()
    }
    async fn tokens(&self, _: &UserId) -> Result<Vec<ApiToken>, StoreError> {
        none()
    }
    async fn revoke_token(&self, _: &UserId, _: Uuid) -> Result<bool, StoreError> {
        none()
    }
    async fn touch_token(&self, _: Uuid, _: Timestamp) -> Result<(), StoreError> {
        none()
    }
}

#[async_trait]
impl EventLog for NoStore {
    async fn events_after(&self, _: &[&str], _: i64, _: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        none()
    }
    async fn stream_after(&self, _: &UserId, _: u64, _: u32) -> Result<Vec<LoggedEvent>, StoreError> {
        none()
    }
    async fn stream_bounds(&self, _: &UserId) -> Result<(u64, Option<u64>), StoreError> {
        none()
    }
    async fn last_position(&self) -> Result<i64, StoreError> {
        none()
    }
    async fn group_position(&self, _: &str) -> Result<Option<i64>, StoreError> {
        none()
    }
    async fn set_group_position(&self, _: &str, _: i64) -> Result<(), StoreError> {
        none()
    }
    fn committed(&self) -> watch::Receiver<i64> {
        watch::Sender::new(0).subscribe()
    }
}

#[async_trait]
impl Memory for NoStore {
    async fn recall(&self, _: &str, _: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        none()
    }
    async fn remember(&self, _: &str, _: &[u8], _: Timestamp) -> Result<(), StoreError> {
        none()
    }
    async fn claim(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<bool, StoreError> {
        none()
    }
}

#[async_trait]
impl Store for NoStore {
    async fn sweep(&self, _: Timestamp) -> Result<(), StoreError> {
        none()
    }
    async fn check(&self) -> Result<(), StoreError> {
        none()
    }
    async fn close(&self) {}
}
