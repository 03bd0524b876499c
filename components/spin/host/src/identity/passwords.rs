//! Argon2id, at the cost that the native host has: OWASP's first choice of 19 MiB, two passes, one lane.

use super::{AccountError, failed};
use crate::clock;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

#[cfg(not(test))]
const MEMORY_KIB: u32 = 19 * 1024;
#[cfg(test)]
const MEMORY_KIB: u32 = 64;
const PASSES: u32 = 2;

fn argon2() -> Result<Argon2<'static>, AccountError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|why| failed(&why.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The PHC string of a new password.
pub fn hash(password: &str) -> Result<String, AccountError> {
    let random = clock::random::<16>().map_err(|why| failed(&why))?;
    let salt = SaltString::encode_b64(&random).map_err(|why| failed(&why.to_string()))?;
    let hash = argon2()?.hash_password(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|why| failed(&why.to_string()))
}

/// Whether the password is the one that was hashed. Without a hash (the address is unknown) the same work is done, in vain.
pub fn verify(password: &str, hash: Option<&str>) -> Result<bool, AccountError> {
    // A salt of 16 bytes and a hash of 32 that no input is known to give.
    let nobody = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p=1${}${}", "A".repeat(22), "A".repeat(43));
    let known = PasswordHash::new(hash.unwrap_or(&nobody)).map_err(|why| failed(&why.to_string()))?;
    Ok(argon2()?.verify_password(password.as_bytes(), &known).is_ok() && hash.is_some())
}
