//! The tokens of built-in accounts, and the key that signs them. The key lives in the data folder, or where
//! several hosts share a database, in that; and nowhere else.

use super::jwt::{Alg, Unverified};
use super::{Denied, Secret, random};
use crate::store::{SignIn, Store};
use anyhow::{Context, bail};
use domain::id::UserId;
use domain::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::Serialize;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use uuid::Uuid;

/// Issuer and audience of our own tokens.
const US: &str = "tidings";
const FILE: &str = "signing.key";
const BYTES: usize = 32;

/// Signs and checks the tokens of built-in accounts (HS256).
pub struct SigningKey {
    sign: EncodingKey,
    check: DecodingKey,
}

#[derive(Serialize)]
struct OurClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    /// The sign-in, which can be ended.
    jti: Uuid,
    iat: i64,
    exp: i64,
}

impl SigningKey {
    /// The key that all hosts of a store have in common, or the data folder's own. Either is made where it is missing.
    pub async fn of(store: &dyn Store, data: &Path) -> anyhow::Result<Self> {
        match store.shared_key(&random::<BYTES>()?).await? {
            Some(key) if key.len() >= BYTES => Ok(Self::from_bytes(&key)),
            Some(_) => bail!(
                "the signing key in the database is damaged: delete it (DELETE FROM signing_key), which signs everybody out"
            ),
            None => Self::load_or_create(data),
        }
    }

    /// Reads `signing.key` of a data folder, or makes it, whole or not at all, for its owner alone (mode 0600).
    pub fn load_or_create(data: &Path) -> anyhow::Result<Self> {
        let path = data.join(FILE);
        if !path.exists() {
            create(data, &path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        let bytes = read_private(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if bytes.len() < BYTES {
            bail!("{} is damaged: put back a copy of it, or remove it, which signs everybody out", path.display());
        }
        Ok(Self::from_bytes(&bytes))
    }

    /// A key from at least 32 random bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { sign: EncodingKey::from_secret(bytes), check: DecodingKey::from_secret(bytes) }
    }

    /// The bearer token of a sign-in. Times of a token are whole seconds: it ends with its sign-in or less than one earlier.
    pub(super) fn token(&self, sign_in: &SignIn) -> anyhow::Result<Secret> {
        let claims = OurClaims {
            iss: US,
            aud: US,
            sub: sign_in.user.as_str(),
            jti: sign_in.id,
            iat: sign_in.created_at.millis().div_euclid(1000),
            exp: sign_in.expires_at.millis().div_euclid(1000),
        };
        Ok(Secret::new(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)?))
    }

    /// Whose token this is, and of which sign-in: still to be looked up, for it may have ended.
    pub(super) fn check(&self, token: &str, now: Timestamp) -> Result<Signed, Denied> {
        let token = Unverified::parse(token)?;
        if token.alg != Alg::Hs256 {
            return Err(Denied::Invalid);
        }
        let claims = token.verify(&self.check)?;
        let expires_at = claims.check(US, US, 0, now)?;
        let user = claims.sub.parse().map_err(|_| Denied::Invalid)?;
        let sign_in = claims.jti.and_then(|jti| Uuid::try_parse(&jti).ok()).ok_or(Denied::Invalid)?;
        Ok(Signed { user, sign_in, expires_at })
    }
}

/// What one of our tokens says.
#[derive(Debug)]
pub(super) struct Signed {
    pub user: UserId,
    pub sign_in: Uuid,
    pub expires_at: Timestamp,
}

/// Written aside, synced, and linked into place: a crash leaves no half key, and of two that start together one wins.
fn create(data: &Path, path: &Path) -> anyhow::Result<()> {
    let aside = data.join(format!("{FILE}.{:016x}", u64::from_ne_bytes(random()?)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let linked = file.write_all(&random::<BYTES>()?).and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&aside, path));
    fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(fs::File::open(data)?.sync_all()?),
    }
}

fn read_private(path: &Path) -> anyhow::Result<Vec<u8>> {
    let permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "others could read the signing key: its mode is now 0600");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .context("others can read it, and its mode cannot be changed")?;
    }
    Ok(fs::read(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000).unwrap()
    }

    fn sign_in() -> SignIn {
        SignIn { id: Uuid::from_u128(7), user: "u".parse().unwrap(), created_at: at(0), expires_at: at(100) }
    }

    fn signed(alg: Algorithm, key: &EncodingKey, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(alg), claims, key).unwrap()
    }

    #[test]
    fn a_token_is_valid_until_its_very_second() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let token = key.token(&sign_in()).unwrap();
        let checked = key.check(token.expose(), at(99)).unwrap();
        assert_eq!((checked.user.as_str(), checked.sign_in, checked.expires_at), ("u", Uuid::from_u128(7), at(100)));
        assert!(key.check(token.expose(), at(100)).is_err(), "no leeway for our own");
        assert!(SigningKey::from_bytes(&[8; 32]).check(token.expose(), at(0)).is_err(), "another key");
    }

    #[test]
    fn any_changed_character_makes_it_invalid() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let token = key.token(&sign_in()).unwrap();
        for place in 0..token.expose().len() {
            let mut bytes = token.expose().as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(key.check(&changed, at(0)).is_err(), "{place}");
        }
    }

    #[test]
    fn only_our_algorithm_issuer_audience_and_sign_ins() {
        let (bytes, key) = ([7; 32], SigningKey::from_bytes(&[7; 32]));
        let good = json!({"iss": "tidings", "aud": "tidings", "sub": "u", "jti": Uuid::from_u128(7), "iat": 0, "exp": 100});
        assert!(key.check(&signed(Algorithm::HS256, &EncodingKey::from_secret(&bytes), &good), at(0)).is_ok());
        assert!(key.check(&signed(Algorithm::HS512, &EncodingKey::from_secret(&bytes), &good), at(0)).is_err());
        for (claim, value) in [
            ("iss", json!("x")),
            ("aud", json!("x")),
            ("sub", json!("")),
            ("jti", json!("x")),
            ("jti", json!(null)),
            ("exp", json!("100")),
        ] {
            let mut bad = good.clone();
            bad[claim] = value;
            assert!(key.check(&signed(Algorithm::HS256, &EncodingKey::from_secret(&bytes), &bad), at(0)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_key_is_made_once_private_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let token = SigningKey::load_or_create(folder.path()).unwrap().token(&sign_in()).unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
        assert!(SigningKey::load_or_create(folder.path()).unwrap().check(token.expose(), at(0)).is_ok());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        SigningKey::load_or_create(folder.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        fs::write(&path, "short").unwrap();
        let error = SigningKey::load_or_create(folder.path()).err().unwrap();
        assert!(error.to_string().contains("damaged"), "{error}");
    }

    #[test]
    fn many_that_start_together_get_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys: Vec<SigningKey> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| SigningKey::load_or_create(folder.path()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let token = keys[0].token(&sign_in()).unwrap();
        assert!(keys.iter().all(|key| key.check(token.expose(), at(0)).is_ok()));
    }
}
