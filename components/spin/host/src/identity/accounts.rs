//! Signing up, in and out, a new password, and leaving for good.

use super::{AccountError, Origin, Principal, SIGN_IN, SignedIn, User, need, passwords, rows, secret, sign_in_id, throttle};
use crate::clock;
use crate::db::StoreError;
use crate::store::accounts::{Account, SignIn};
use crate::store::erase;
use domain::account::Scope;
use domain::time::Timestamp;

/// Seconds that a sign-in lasts: thirty days.
const LIFETIME: u32 = 30 * 24 * 60 * 60;

/// Makes an account and signs it in. The caller has checked that the address is one and the password long enough.
pub async fn sign_up(email: &str, password: &str, name: Option<String>) -> Result<SignedIn, AccountError> {
    let email = email.to_lowercase();
    if rows::account_by_email(&email).await?.is_some() {
        return Err(AccountError::Taken);
    }
    let password_hash = passwords::hash(password)?;
    let now = clock::now();
    let id = clock::new_id(now).to_string().parse().map_err(|_| super::failed("an id is no user's id"))?;
    let account = Account { id, email, name, password_hash, created_at: now };
    match rows::create_account(&account).await {
        Ok(()) => begin_sign_in(account).await,
        Err(StoreError::Conflict) => Err(AccountError::Taken),
        Err(error) => Err(error.into()),
    }
}

/// Wrong password and unknown address are one answer, after one amount of work.
pub async fn sign_in(email: &str, password: &str) -> Result<SignedIn, AccountError> {
    let email = email.to_lowercase();
    let account = rows::account_by_email(&email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    check_password(&email, password, hash).await?;
    erase::try_sweep(clock::now()).await;
    begin_sign_in(account.ok_or(AccountError::Wrong)?).await
}

/// Ends what the principal came by: its sign-in, with cookie and bearer token, or its API token.
pub async fn sign_out(principal: &Principal) -> Result<(), AccountError> {
    match principal.origin {
        Origin::SignIn(id) => Ok(rows::end_sign_in(id).await?),
        Origin::Token(id) => Ok(rows::revoke_token(&principal.user, id).await.map(drop)?),
        Origin::Component => Err(AccountError::Ended),
    }
}

/// Whom the principal stands for. Needs no scope.
pub async fn me(principal: &Principal) -> Result<User, AccountError> {
    rows::account(&principal.user).await?.map(user).ok_or(AccountError::Ended)
}

/// Removes the account and all that is the user's. Needs `account`.
pub async fn delete_account(principal: &Principal, password: &str) -> Result<(), AccountError> {
    need(principal, Scope::Account)?;
    let account = rows::account(&principal.user).await?.ok_or(AccountError::Ended)?;
    check_password(&account.email, password, Some(&account.password_hash)).await?;
    Ok(erase::account(&account.id).await?)
}

/// Replaces the password, and ends the user's sign-ins but the one that asks. API tokens stay. Needs `account`. The caller has
/// checked that the new password is long enough.
pub async fn change_password(principal: &Principal, current: &str, new: &str) -> Result<(), AccountError> {
    need(principal, Scope::Account)?;
    let account = rows::account(&principal.user).await?.ok_or(AccountError::Ended)?;
    check_password(&account.email, current, Some(&account.password_hash)).await?;
    let hash = passwords::hash(new)?;
    let but = match principal.origin {
        Origin::SignIn(id) => Some(id),
        Origin::Token(_) | Origin::Component => None,
    };
    // Of two at once, the second has not given the password that is then the current one.
    let replaced = rows::change_password(&account.id, &account.password_hash, &hash, but).await?;
    if replaced { Ok(()) } else { Err(AccountError::Wrong) }
}

async fn check_password(email: &str, password: &str, hash: Option<&str>) -> Result<(), AccountError> {
    throttle::check(email).await?;
    let right = passwords::verify(password, hash)?;
    throttle::settle(email, right).await?;
    if right { Ok(()) } else { Err(AccountError::Wrong) }
}

/// The times of a sign-in are whole seconds.
async fn begin_sign_in(account: Account) -> Result<SignedIn, AccountError> {
    let now = clock::now();
    let expires_at = (now.millis().div_euclid(1000) + i64::from(LIFETIME)) * 1000;
    let expires_at = Timestamp::from_millis(expires_at).unwrap_or(Timestamp::MAX);
    let access_token = secret(SIGN_IN)?;
    let sign_in = SignIn { id: sign_in_id(&access_token), user: account.id.clone(), created_at: now, expires_at };
    if !rows::create_sign_in(&sign_in, &account.password_hash).await? {
        return Err(AccountError::Wrong);
    }
    Ok(SignedIn { user: user(account), access_token, expires_in: LIFETIME })
}

fn user(account: Account) -> User {
    User { id: account.id, email: account.email, name: account.name }
}
