//! Accounts, sign-ins and tokens: small rows, read by key.

use super::rows;
use crate::db::{Connection, Row, StoreError, Value, uuid, write};
use domain::id::UserId;
use domain::json;
use domain::time::Timestamp;
use uuid::Uuid;

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: UserId,
    /// Lower-case.
    pub email: String,
    pub name: Option<String>,
    /// PHC string.
    pub password_hash: String,
    pub created_at: Timestamp,
}

/// A sign-in that can be ended.
#[derive(Clone, Debug)]
pub struct SignIn {
    pub id: Uuid,
    pub user: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// An API token, without its secret.
#[derive(Clone, Debug)]
pub struct ApiToken {
    pub id: Uuid,
    pub user: UserId,
    pub name: String,
    pub scopes: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

const ACCOUNT: &str = "SELECT id, email, name, password_hash, created_at FROM account WHERE";
const TOKEN: &str = "SELECT id, user_id, name, scopes, created_at, expires_at, last_used_at FROM api_token WHERE";

fn read_account(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: rows::user(row, 0)?,
        email: row.text(1)?.to_owned(),
        name: row.maybe_text(2)?.map(str::to_owned),
        password_hash: row.text(3)?.to_owned(),
        created_at: rows::time(row, 4)?,
    })
}

fn read_token(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.uuid(0)?,
        user: rows::user(row, 1)?,
        name: row.text(2)?.to_owned(),
        scopes: rows::good("list of scopes", serde_json::from_str(row.text(3)?))?,
        created_at: rows::time(row, 4)?,
        expires_at: rows::maybe_time(row, 5)?,
        last_used_at: rows::maybe_time(row, 6)?,
    })
}

async fn write_one(sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
    write(async |connection| connection.run(sql, values).await).await
}

/// `Conflict` where the address is taken.
pub async fn create_account(account: &Account) -> Result<(), StoreError> {
    let sql = "INSERT INTO account (id, email, name, password_hash, created_at) VALUES (?, ?, ?, ?, ?)";
    let (id, email, hash) = (account.id.as_str(), account.email.as_str(), account.password_hash.as_str());
    let values = vec![id.into(), email.into(), account.name.as_deref().into(), hash.into(), account.created_at.millis().into()];
    write_one(sql, values).await.map(drop)
}

pub async fn account(id: &UserId) -> Result<Option<Account>, StoreError> {
    Connection::open().await?.find(&format!("{ACCOUNT} id = ?"), vec![id.as_str().into()], read_account).await
}

pub async fn account_by_email(email: &str) -> Result<Option<Account>, StoreError> {
    Connection::open().await?.find(&format!("{ACCOUNT} email = ?"), vec![email.into()], read_account).await
}

/// Replaces the hash of the password and removes the user's sign-ins but that one. False, and nothing is done, where there is no such
/// account or the hash is no longer `from`.
pub async fn change_password(id: &UserId, from: &str, to: &str, but: Option<Uuid>) -> Result<bool, StoreError> {
    const REPLACE: &str = "UPDATE account SET password_hash = ? WHERE id = ? AND password_hash = ? RETURNING 1";
    const SIGN_OUT: &str = "DELETE FROM session WHERE user_id = ? AND id IS NOT ?";
    write(async |connection| {
        let replaced = !connection.run(REPLACE, vec![to.into(), id.as_str().into(), from.into()]).await?.is_empty();
        if replaced {
            connection.run(SIGN_OUT, vec![id.as_str().into(), but.map_or(Value::Null, uuid)]).await?;
        }
        Ok(replaced)
    })
    .await
}

/// Begins a sign-in, unless the account is gone or has another password than this by now: whether it did.
pub async fn create_sign_in(sign_in: &SignIn, password_hash: &str) -> Result<bool, StoreError> {
    let sql = "INSERT INTO session (id, user_id, created_at, expires_at) SELECT ?, id, ?, ? FROM account \
               WHERE id = ? AND password_hash = ? RETURNING 1";
    let (from, to) = (sign_in.created_at.millis(), sign_in.expires_at.millis());
    let values = vec![uuid(sign_in.id), from.into(), to.into(), sign_in.user.as_str().into(), password_hash.into()];
    Ok(!write_one(sql, values).await?.is_empty())
}

pub async fn sign_in(id: Uuid) -> Result<Option<SignIn>, StoreError> {
    let sql = "SELECT id, user_id, created_at, expires_at FROM session WHERE id = ?";
    let read = |row: &Row| {
        let (created_at, expires_at) = (rows::time(row, 2)?, rows::time(row, 3)?);
        Ok(SignIn { id: row.uuid(0)?, user: rows::user(row, 1)?, created_at, expires_at })
    };
    Connection::open().await?.find(sql, vec![uuid(id)], read).await
}

pub async fn end_sign_in(id: Uuid) -> Result<(), StoreError> {
    write_one("DELETE FROM session WHERE id = ?", vec![uuid(id)]).await.map(drop)
}

/// Makes a token, unless the account is gone: whether it did. `hash` is the SHA-256 of its secret.
pub async fn create_token(token: &ApiToken, hash: [u8; 32]) -> Result<bool, StoreError> {
    let sql = "INSERT INTO api_token (id, user_id, name, scopes, hash, created_at, expires_at) \
               SELECT ?, id, ?, ?, ?, ?, ? FROM account WHERE id = ? RETURNING 1";
    let values = vec![
        uuid(token.id),
        token.name.as_str().into(),
        json::text(&token.scopes).into(),
        hash.into(),
        token.created_at.millis().into(),
        rows::millis(token.expires_at),
        token.user.as_str().into(),
    ];
    Ok(!write_one(sql, values).await?.is_empty())
}

pub async fn tokens(user: &UserId) -> Result<Vec<ApiToken>, StoreError> {
    let sql = format!("{TOKEN} user_id = ? ORDER BY created_at, id");
    Connection::open().await?.all(&sql, vec![user.as_str().into()], read_token).await
}

pub async fn token_by_hash(hash: [u8; 32]) -> Result<Option<ApiToken>, StoreError> {
    Connection::open().await?.find(&format!("{TOKEN} hash = ?"), vec![hash.into()], read_token).await
}

/// False where the user has no such token.
pub async fn revoke_token(user: &UserId, id: Uuid) -> Result<bool, StoreError> {
    let sql = "DELETE FROM api_token WHERE user_id = ? AND id = ? RETURNING 1";
    Ok(!write_one(sql, vec![user.as_str().into(), uuid(id)]).await?.is_empty())
}

pub async fn touch_token(id: Uuid, used_at: Timestamp) -> Result<(), StoreError> {
    write_one("UPDATE api_token SET last_used_at = ? WHERE id = ?", vec![used_at.millis().into(), uuid(id)]).await.map(drop)
}

/// The failed passwords of an address within a window that ends now: how many, and when the oldest of the last `most` was.
const FAILURES: &str = "SELECT count(*), min(at) FROM \
     (SELECT at FROM failed_password WHERE address = ? AND at > ? AND at <= ? ORDER BY at DESC LIMIT ?)";

/// Milliseconds until one more failed password of an address is answered; 0 where it is now.
pub async fn wait(address: &str, now: i64, window: i64, most: i64) -> Result<i64, StoreError> {
    wait_on(&Connection::open().await?, address, now, window, most).await
}

async fn wait_on(connection: &Connection, address: &str, now: i64, window: i64, most: i64) -> Result<i64, StoreError> {
    let values = vec![address.into(), (now - window).into(), now.into(), most.into()];
    let read = |row: &Row| Ok((row.integer(0)?, row.maybe_integer(1)?));
    let (count, oldest) = connection.get(FAILURES, values, read).await?;
    Ok(if count < most { 0 } else { oldest.map_or(0, |oldest| oldest + window - now) })
}

/// The same, and where it is answered now, it is counted. Those that are older than the window are forgotten. Now is asked for while nobody
/// else counts: one that was counted while this waited would be of the future.
pub async fn count_failure(address: &str, now: impl FnOnce() -> Timestamp, window: i64, most: i64) -> Result<i64, StoreError> {
    write(async |connection| {
        let now = now().millis();
        connection.run("DELETE FROM failed_password WHERE at <= ?", vec![(now - window).into()]).await?;
        let wait = wait_on(connection, address, now, window, most).await?;
        if wait == 0 {
            let sql = "INSERT INTO failed_password (address, at) VALUES (?, ?)";
            connection.run(sql, vec![address.into(), now.into()]).await?;
        }
        Ok(wait)
    })
    .await
}
