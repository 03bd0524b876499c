//! A JSON Web Token, taken apart with suspicion (RFC 7519, RFC 8725). The library checks signatures; everything that is
//! not arithmetic is decided here, against our own clock.

use super::Denied;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::{DeserializeOwned, Error, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// No token that anybody has a use for is longer.
const MAX_BYTES: usize = 8 * 1024;

/// The algorithms that exist here. `none` is not one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Alg {
    Hs256,
    Rs256,
    Es256,
    EdDsa,
}

impl TryFrom<String> for Alg {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "HS256" => Ok(Self::Hs256),
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err("an algorithm that is not taken here"),
        }
    }
}

impl From<Alg> for Algorithm {
    fn from(alg: Alg) -> Self {
        match alg {
            Alg::Hs256 => Self::HS256,
            Alg::Rs256 => Self::RS256,
            Alg::Es256 => Self::ES256,
            Alg::EdDsa => Self::EdDSA,
        }
    }
}

/// A token whose signature has not been checked: it says which key it wants, and nothing else that counts.
#[derive(Debug)]
pub(super) struct Unverified<'t> {
    pub alg: Alg,
    pub kid: Option<String>,
    message: &'t str,
    payload: &'t str,
    signature: &'t str,
}

/// What is read of a header. `jku`, `jwk`, `x5u` and `x5c` are not: a token does not say where its key comes from.
#[derive(Deserialize)]
struct Header {
    alg: Alg,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    /// Extensions that must be understood. None is.
    #[serde(default, deserialize_with = "present")]
    crit: Option<IgnoredAny>,
}

impl<'t> Unverified<'t> {
    pub fn parse(token: &'t str) -> Result<Self, Denied> {
        if token.len() > MAX_BYTES {
            return Err(Denied::Invalid);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Denied::Invalid)?;
        let (header, payload) = message.split_once('.').ok_or(Denied::Invalid)?;
        if payload.contains('.') {
            return Err(Denied::Invalid);
        }
        let Header { alg, kid, typ, crit } = part(header)?;
        if crit.is_some() || !typ.as_deref().is_none_or(is_access_token) {
            return Err(Denied::Invalid);
        }
        Ok(Self { alg, kid, message, payload, signature })
    }

    /// The claims, if the key signed them by the algorithm that the header names. The caller has decided that the two may go together.
    pub fn verify(&self, key: &DecodingKey) -> Result<Claims, Denied> {
        match jsonwebtoken::crypto::verify(self.signature, self.message.as_bytes(), key, self.alg.into()) {
            Ok(true) => part(self.payload),
            Ok(false) | Err(_) => Err(Denied::Invalid),
        }
    }
}

/// A part is a JSON object; that serde would also fill a struct from an array is none of a token's business.
fn part<T: DeserializeOwned>(encoded: &str) -> Result<T, Denied> {
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Denied::Invalid)?;
    if !json.starts_with(b"{") {
        return Err(Denied::Invalid);
    }
    serde_json::from_slice(&json).map_err(|_| Denied::Invalid)
}

/// RFC 8725 section 3.11: a logout token or a DPoP proof of the same issuer is no access token.
fn is_access_token(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}

/// What is read of a token's claims. A claim of another type than RFC 7519 gives it makes the token invalid.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub exp: NumericDate,
    #[serde(default, deserialize_with = "present")]
    pub nbf: Option<NumericDate>,
    #[serde(default, deserialize_with = "present")]
    pub jti: Option<String>,
    /// RFC 8693 section 4.2: names with spaces between.
    #[serde(default, deserialize_with = "present")]
    pub scope: Option<String>,
}

/// A `null` is present, and of the wrong type.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Claims {
    /// The moment from which on the token is invalid, if it is for us, from whom we trust, and valid now.
    pub fn check(&self, issuer: &str, audience: &str, leeway_ms: i64, now: Timestamp) -> Result<Timestamp, Denied> {
        let expires = self.exp.0.saturating_add(leeway_ms);
        let begun = self.nbf.is_none_or(|nbf| nbf.0.saturating_sub(leeway_ms) <= now.millis());
        if self.iss != issuer || !self.aud.names(audience) || !begun || expires <= now.millis() {
            return Err(Denied::Invalid);
        }
        Ok(Timestamp::from_millis(expires).unwrap_or(Timestamp::MAX))
    }
}

/// One audience, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

/// Seconds since the epoch, with or without a fraction (RFC 7519 section 2); here in milliseconds. A string is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumericDate(i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumericDateVisitor)
    }
}

struct NumericDateVisitor;

impl Visitor<'_> for NumericDateVisitor {
    type Value = NumericDate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of seconds")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<NumericDate, E> {
        self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<NumericDate, E> {
        Ok(NumericDate(seconds.saturating_mul(1000)))
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<NumericDate, E> {
        // The cast saturates; JSON has no NaN.
        Ok(NumericDate((seconds * 1000.0) as i64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims), URL_SAFE_NO_PAD.encode("signature"))
    }

    fn header(header: &str) -> Result<(Alg, Option<String>), Denied> {
        Unverified::parse(&token(header, "{}")).map(|token| (token.alg, token.kid))
    }

    fn checked(claims: Value, now: i64) -> Result<i64, Denied> {
        let claims: Claims = serde_json::from_value(claims).map_err(|_| Denied::Invalid)?;
        claims.check("issuer", "us", 5000, Timestamp::from_millis(now).unwrap()).map(Timestamp::millis)
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = json!({"iss": "issuer", "aud": "us", "sub": "u", "exp": 100});
        claims[name] = value;
        claims
    }

    #[test]
    fn rfc8725_3_1_an_algorithm_that_is_not_ours_is_no_token() {
        for alg in ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "RS512", "PS256", "ES384", "hs256", "RSA-OAEP"] {
            assert_eq!(header(&json!({"alg": alg}).to_string()), Err(Denied::Invalid), "{alg}");
        }
        for bad in [
            "{}",
            r#"{"alg":null}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":{"HS256":null}}"#,
            "[]",
            r#"["HS256"]"#,
            "null",
            "",
            "\"HS256\"",
        ] {
            assert_eq!(header(bad), Err(Denied::Invalid), "{bad}");
        }
        assert_eq!(header(r#"{"alg":"EdDSA","kid":"k"}"#), Ok((Alg::EdDsa, Some("k".into()))));
    }

    #[test]
    fn a_header_says_each_thing_once_and_in_its_own_type() {
        for bad in [
            r#"{"alg":"HS256","alg":"RS256"}"#,
            r#"{"alg":"HS256","kid":7}"#,
            r#"{"alg":"HS256","kid":null}"#,
            r#"{"alg":"HS256","typ":1}"#,
        ] {
            assert_eq!(header(bad), Err(Denied::Invalid), "{bad}");
        }
    }

    #[test]
    fn rfc7515_4_1_11_crit_is_refused_in_whatever_form() {
        for crit in ["[]", r#"["exp"]"#, r#"["b64"]"#, "null", "false"] {
            assert_eq!(header(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#)), Err(Denied::Invalid), "{crit}");
        }
    }

    #[test]
    fn rfc8725_3_10_a_key_that_the_token_brings_along_is_not_looked_at() {
        let brought = r#"{"alg":"RS256","kid":"k","jku":"https://evil.example/","x5u":"https://evil.example/","x5c":["x"],"jwk":{"kty":"oct"}}"#;
        assert_eq!(header(brought), Ok((Alg::Rs256, Some("k".into()))));
    }

    #[test]
    fn rfc8725_3_11_another_kind_of_token_is_refused() {
        for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
            assert!(header(&json!({"alg": "HS256", "typ": typ}).to_string()).is_ok(), "{typ}");
        }
        for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "", "JOSE"] {
            assert!(header(&json!({"alg": "HS256", "typ": typ}).to_string()).is_err(), "{typ}");
        }
    }

    #[test]
    fn the_form_is_three_parts_of_strict_base64_and_not_long() {
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
        for good in [format!("{head}.e30.c2ln"), format!("{head}.."), format!("{head}.{}.", "A".repeat(8000))] {
            assert!(Unverified::parse(&good).is_ok(), "{good}");
        }
        for bad in [
            String::new(),
            "..".into(),
            head.clone(),
            format!("{head}.e30"),
            format!("{head}.e30.c2ln.e30"),
            format!("{head}=.e30.c2ln"),
            format!("{head}.{}.", "A".repeat(MAX_BYTES)),
        ] {
            assert!(Unverified::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn exp_is_needed_and_is_a_number() {
        assert_eq!(checked(with("exp", json!(100)), 0), Ok(105_000));
        assert_eq!(checked(with("exp", json!(100.5)), 0), Ok(105_500));
        assert_eq!(checked(with("exp", json!(u64::MAX)), 0), Ok(Timestamp::MAX.millis()));
        assert_eq!(checked(with("exp", json!(1e300)), 0), Ok(Timestamp::MAX.millis()));
        for bad in [
            json!("100"),
            json!("99999999999"),
            json!(null),
            json!(true),
            json!([100]),
            json!({}),
            json!(0),
            json!(-1),
            json!(-1e300),
        ] {
            assert_eq!(checked(with("exp", bad.clone()), 50_000), Err(Denied::Invalid), "{bad}");
        }
        assert_eq!(checked(json!({"iss": "issuer", "aud": "us", "sub": "u"}), 0), Err(Denied::Invalid));
    }

    #[test]
    fn the_leeway_is_as_given_on_both_ends() {
        assert!(checked(with("exp", json!(100)), 104_999).is_ok());
        assert!(checked(with("exp", json!(100)), 105_000).is_err());
        assert!(checked(with("nbf", json!(50)), 45_000).is_ok());
        assert!(checked(with("nbf", json!(50)), 44_999).is_err());
        let claims: Claims = serde_json::from_value(with("exp", json!(100))).unwrap();
        assert!(claims.check("issuer", "us", 0, Timestamp::from_millis(100_000).unwrap()).is_err());
    }

    #[test]
    fn nbf_is_a_number_where_it_is() {
        for bad in [json!("0"), json!(null), json!([0])] {
            assert_eq!(checked(with("nbf", bad.clone()), 50_000), Err(Denied::Invalid), "{bad}");
        }
    }

    #[test]
    fn rfc8725_3_8_and_3_9_issuer_and_audience_are_ours_exactly() {
        for bad in [json!("issuer/"), json!("Issuer"), json!(["issuer"]), json!(null), json!("")] {
            assert_eq!(checked(with("iss", bad.clone()), 0), Err(Denied::Invalid), "{bad}");
        }
        for good in [json!("us"), json!(["us"]), json!(["them", "us"])] {
            assert!(checked(with("aud", good.clone()), 0).is_ok(), "{good}");
        }
        for bad in [json!("them"), json!(["them"]), json!([]), json!(null), json!(["us", 1]), json!({"us": 1}), json!("us them")]
        {
            assert_eq!(checked(with("aud", bad.clone()), 0), Err(Denied::Invalid), "{bad}");
        }
    }

    #[test]
    fn a_claim_stands_once() {
        let twice = r#"{"iss":"issuer","aud":"us","sub":"u","sub":"v","exp":100}"#;
        assert!(serde_json::from_str::<Claims>(twice).is_err());
    }

    proptest! {
        #[test]
        fn garbage_is_refused(text in ".*") {
            prop_assert!(Unverified::parse(&text).is_err());
        }

        #[test]
        fn no_header_or_payload_makes_it_panic(header in "\\PC{0,60}", claims in "\\PC{0,60}", cut in 0usize..200) {
            let key = DecodingKey::from_secret(&[1; 32]);
            for header in [header.as_str(), r#"{"alg":"HS256"}"#, r#"{"alg":"RS256"}"#] {
                let token = token(header, &claims);
                let token = token.get(..cut.min(token.len())).unwrap_or_default();
                if let Ok(unverified) = Unverified::parse(token) {
                    prop_assert!(unverified.verify(&key).is_err());
                }
            }
        }

        #[test]
        fn no_number_makes_a_date_panic(exp in any::<f64>(), nbf in any::<i64>(), now in -62_135_596_800_000i64..253_402_300_799_999) {
            let _ = checked(json!({"iss": "issuer", "aud": "us", "sub": "u", "exp": exp, "nbf": nbf}), now);
        }
    }
}
