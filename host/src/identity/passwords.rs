//! Argon2id, so many at a time: a flood of sign-ins waits in a queue instead of taking all memory and every core.

use super::{AccountError, PasswordCost, Secret, random};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use tokio::sync::{Semaphore, TryAcquireError};

/// Hashes and checks passwords.
pub(super) struct Passwords {
    argon2: Argon2<'static>,
    /// The hash of no password, as costly to check as a real one.
    nobody: String,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Passwords {
    pub fn new(cost: PasswordCost) -> anyhow::Result<Self> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None)
            .map_err(|error| anyhow::anyhow!("the cost of a password makes no sense: {error}"))?;
        // A salt of 16 bytes and a hash of 32 that no input is known to give.
        let nobody = format!("$argon2id$v=19$m={},t={},p=1${}${}", cost.memory_kib, cost.passes, "A".repeat(22), "A".repeat(43));
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            nobody,
            running: Arc::new(Semaphore::new(cost.at_once)),
            admitted: Arc::new(Semaphore::new(cost.at_once + cost.waiting)),
        })
    }

    /// The PHC string of a new password.
    pub async fn hash(&self, password: Secret) -> Result<String, AccountError> {
        let argon2 = self.argon2.clone();
        let hash = self.run(move || {
            let salt = SaltString::encode_b64(&random::<16>()?).map_err(anyhow::Error::msg)?;
            let hash = argon2.hash_password(password.expose().as_bytes(), &salt).map_err(anyhow::Error::msg)?;
            Ok(hash.to_string())
        });
        hash.await
    }

    /// Whether the password is the one that was hashed. Without a hash (the address is unknown) the same work is done, in vain.
    pub async fn verify(&self, password: Secret, hash: Option<String>) -> Result<bool, AccountError> {
        let argon2 = self.argon2.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let right = self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(anyhow::Error::msg)?;
            Ok(argon2.verify_password(password.expose().as_bytes(), &hash).is_ok())
        });
        Ok(right.await? && known)
    }

    /// The permit goes with the work, not with the caller: one who hangs up does not make room for another.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> Result<T, AccountError> {
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|error| match error {
            TryAcquireError::NoPermits => AccountError::Unavailable("too many sign-ins at once; try again".into()),
            TryAcquireError::Closed => failed(error.into()),
        })?;
        let running = self.running.clone().acquire_owned().await.map_err(|error| failed(error.into()))?;
        let done = tokio::task::spawn_blocking(move || {
            let _permits = (admitted, running);
            work()
        });
        done.await.map_err(anyhow::Error::from).flatten().map_err(failed)
    }
}

fn failed(error: anyhow::Error) -> AccountError {
    tracing::error!(error = format!("{error:#}"), "a password could not be checked");
    AccountError::Unavailable("passwords cannot be checked just now".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn cheap(at_once: usize, waiting: usize) -> Passwords {
        Passwords::new(PasswordCost { memory_kib: 64, passes: 1, at_once, waiting }).unwrap()
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right_and_two_hashes_of_it_differ() {
        let passwords = cheap(1, 1);
        let hash = passwords.hash(Secret::new("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.verify(Secret::new("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new("Correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(Secret::new(""), None).await.unwrap());
        assert_ne!(passwords.hash(Secret::new("correct horse")).await.unwrap(), hash);
    }

    #[tokio::test]
    async fn an_unknown_address_costs_what_a_known_one_does() {
        let passwords = Passwords::new(PasswordCost { at_once: 1, ..PasswordCost::default() }).unwrap();
        let hash = passwords.hash(Secret::new("correct horse")).await.unwrap();
        let mut times: [Vec<Duration>; 2] = Default::default();
        for _ in 0..5 {
            for (times, hash) in times.iter_mut().zip([Some(hash.clone()), None]) {
                let begun = Instant::now();
                assert!(!passwords.verify(Secret::new("wrong"), hash).await.unwrap());
                times.push(begun.elapsed());
            }
        }
        let [known, unknown] = times.map(|times| times.into_iter().min().unwrap());
        assert!(unknown > known / 2 && unknown < known * 2, "known {known:?}, unknown {unknown:?}");
    }

    #[tokio::test]
    async fn a_flood_is_told_to_come_again() {
        let passwords = cheap(1, 1);
        let gate = Arc::new(std::sync::Barrier::new(2));
        let held = gate.clone();
        let first = passwords.run(move || {
            held.wait();
            Ok(())
        });
        let second = passwords.run(|| Ok(()));
        let third = async {
            let refused = passwords.run(|| Ok(())).await;
            tokio::task::spawn_blocking(move || gate.wait()).await.unwrap();
            refused
        };
        let (first, second, third) = tokio::join!(biased; first, second, third);
        assert!(first.is_ok() && second.is_ok());
        assert!(matches!(third, Err(AccountError::Unavailable(_))));
    }
}
