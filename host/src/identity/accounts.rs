//! Built-in accounts: signing up, in and out, a new password, and leaving for good.

use super::{AccountError, Identity, Origin, Principal, Scope, Secret, SignedIn, User};
use crate::store::{Account, SignIn, StoreError};
use domain::time::Timestamp;
use std::net::IpAddr;
use std::time::Duration;

impl Identity {
    /// Makes an account and signs it in. The caller has checked that the address is one and the password long enough.
    pub async fn sign_up(&self, email: &str, password: Secret, name: Option<String>) -> Result<SignedIn, AccountError> {
        self.need_built_in()?;
        let email = email.to_lowercase();
        if self.accounts.account_by_email(&email).await?.is_some() {
            return Err(AccountError::Taken);
        }
        let password_hash = self.passwords.hash(password).await?;
        let id = self.new_id().to_string().parse().map_err(internal)?;
        let account = Account { id, email, name, password_hash, created_at: self.clock.now() };
        match self.accounts.create_account(&account).await {
            Ok(()) => self.begin_sign_in(account, self.sign_in_lifetime).await,
            Err(StoreError::Conflict) => Err(AccountError::Taken),
            Err(error) => Err(error.into()),
        }
    }

    /// Wrong password and unknown address are one answer, after one amount of work.
    pub async fn sign_in(&self, email: &str, password: Secret, peer: IpAddr) -> Result<SignedIn, AccountError> {
        self.need_built_in()?;
        let email = email.to_lowercase();
        let account = self.accounts.account_by_email(&email).await?;
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        self.check_password(&email, password, hash, peer).await?;
        self.begin_sign_in(account.ok_or(AccountError::Wrong)?, self.sign_in_lifetime).await
    }

    /// Ends what the principal came by: its sign-in, with cookie and bearer token, or its API token.
    pub async fn sign_out(&self, principal: &Principal) -> Result<(), AccountError> {
        match principal.origin {
            Origin::SignIn(id) => Ok(self.accounts.end_sign_in(id).await?),
            Origin::Token(id) => Ok(self.accounts.revoke_token(&principal.user, id).await.map(drop)?),
            Origin::External | Origin::Host => Err(AccountError::External),
        }
    }

    /// Whom the principal stands for. Needs no scope.
    pub async fn me(&self, principal: &Principal) -> Result<User, AccountError> {
        if self.external.is_some() {
            return Ok(User { id: principal.user.clone(), email: None, name: None });
        }
        let account = self.accounts.account(&principal.user).await?.ok_or(AccountError::Ended)?;
        Ok(user(account))
    }

    /// Removes the account and all that is the user's, and ends whatever is open in its name. Needs `account`.
    pub async fn delete_account(&self, principal: &Principal, password: Secret, peer: IpAddr) -> Result<(), AccountError> {
        need(principal, Scope::Account)?;
        self.need_built_in()?;
        let account = self.accounts.account(&principal.user).await?.ok_or(AccountError::Ended)?;
        self.check_password(&account.email, password, Some(account.password_hash), peer).await?;
        Ok(self.accounts.delete_account(&account.id).await?)
    }

    /// Replaces the password, and ends the user's sign-ins but the one that asks: who came in by the old password is out. API tokens
    /// stay. Needs `account`. The caller has checked that the new password is long enough.
    pub async fn change_password(
        &self,
        principal: &Principal,
        current: Secret,
        new: Secret,
        peer: IpAddr,
    ) -> Result<(), AccountError> {
        need(principal, Scope::Account)?;
        self.need_built_in()?;
        let account = self.accounts.account(&principal.user).await?.ok_or(AccountError::Ended)?;
        self.check_password(&account.email, current, Some(account.password_hash.clone()), peer).await?;
        let hash = self.passwords.hash(new).await?;
        let but = match principal.origin {
            Origin::SignIn(id) => Some(id),
            Origin::Token(_) | Origin::External | Origin::Host => None,
        };
        // Of two at once, the second has not given the password that is then the current one.
        if !self.accounts.change_password(&account.id, &account.password_hash, &hash, but).await? {
            return Err(AccountError::Wrong);
        }
        Ok(())
    }

    /// A bearer token without a password, for whoever holds the data folder; `None` where the address is unknown.
    pub async fn issue(&self, email: &str, lifetime: Duration) -> Result<Option<SignedIn>, AccountError> {
        self.need_built_in()?;
        match self.accounts.account_by_email(&email.to_lowercase()).await? {
            Some(account) => self.begin_sign_in(account, lifetime).await.map(Some),
            None => Ok(None),
        }
    }

    async fn check_password(
        &self,
        email: &str,
        password: Secret,
        hash: Option<String>,
        peer: IpAddr,
    ) -> Result<(), AccountError> {
        let throttled = |wait: super::throttle::Wait| AccountError::Throttled(wait.0);
        self.throttle.check(email, peer, self.clock.now()).map_err(throttled)?;
        let right = self.passwords.verify(password, hash).await?;
        self.throttle.settle(email, peer, self.clock.now(), right).map_err(throttled)?;
        if right { Ok(()) } else { Err(AccountError::Wrong) }
    }

    /// Times of a token are whole seconds, and so are those of its sign-in.
    async fn begin_sign_in(&self, account: Account, lifetime: Duration) -> Result<SignedIn, AccountError> {
        let now = self.clock.now();
        let expires_in = u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX);
        let expires_at = now.millis().div_euclid(1000).saturating_add(i64::from(expires_in)).saturating_mul(1000);
        let expires_at = Timestamp::from_millis(expires_at).unwrap_or(Timestamp::MAX);
        let sign_in = SignIn { id: self.new_id(), user: account.id.clone(), created_at: now, expires_at };
        let access_token = self.key.token(&sign_in).map_err(internal)?;
        self.accounts.create_sign_in(&sign_in).await?;
        // Were the account deleted, or its password changed, just before this sign-in was written, that would not have ended it.
        let still = self.accounts.account(&account.id).await?;
        if still.is_none_or(|still| still.password_hash != account.password_hash) {
            self.accounts.end_sign_in(sign_in.id).await?;
            return Err(AccountError::Wrong);
        }
        Ok(SignedIn { user: user(account), access_token, expires_in })
    }

    fn need_built_in(&self) -> Result<(), AccountError> {
        if self.external.is_some() { Err(AccountError::External) } else { Ok(()) }
    }
}

/// The principal has this right.
pub(super) fn need(principal: &Principal, scope: Scope) -> Result<(), AccountError> {
    if principal.scopes.allow(scope) { Ok(()) } else { Err(AccountError::Forbidden(scope.name().to_owned())) }
}

fn user(account: Account) -> User {
    User { id: account.id, email: Some(account.email), name: account.name }
}

pub(super) fn internal(error: impl Into<anyhow::Error>) -> AccountError {
    StoreError::Internal(error.into()).into()
}
