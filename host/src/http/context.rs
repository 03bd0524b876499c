//! What a request carries besides what it asks: its id and its place in a trace.

use http::{HeaderMap, HeaderValue};
use rand::Rng;
use std::fmt::Write;
use uuid::Uuid;

/// The header that carries a request's id, in both directions.
pub const REQUEST_ID: &str = "x-request-id";

/// What a request is called, in logs and in what it is answered.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl RequestId {
    /// The client's id for this request where it sent a sane one, else a new UUIDv7.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(REQUEST_ID).iter();
        match (sent.next().and_then(|value| value.to_str().ok()), sent.next()) {
            (Some(id), None) if sane(id) => Self(id.to_owned()),
            _ => Self(Uuid::now_v7().to_string()),
        }
    }

    pub fn as_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("-"))
    }
}

/// Nothing that could disturb a log or a header.
fn sane(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:+/=".contains(&b))
}

/// This request's own place in the trace that the client began, or in a new one (W3C Trace Context, section 3.2).
pub fn traceparent(headers: &HeaderMap) -> String {
    let mut sent = headers.get_all("traceparent").iter();
    let parent = match (sent.next().and_then(|value| value.to_str().ok()), sent.next()) {
        (Some(text), None) => parse_traceparent(text),
        _ => None,
    };
    let mut random = rand::rng();
    let span = hex(&random.random_range(1..=u64::MAX).to_be_bytes());
    match parent {
        Some((trace, flags)) => format!("00-{trace}-{span}-{flags}"),
        None => format!("00-{}-{span}-01", hex(&random.random_range(1..=u128::MAX).to_be_bytes())),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Trace id and flags. Later versions may have more fields behind; version ff is none.
fn parse_traceparent(text: &str) -> Option<(&str, &str)> {
    let lower_hex =
        |part: &str, length: usize| part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = lower_hex(version, 2) && lower_hex(trace, 32) && lower_hex(span, 16) && lower_hex(flags, 2);
    let known = version != "ff" && (version != "00" || parts.next().is_none());
    let set = trace.bytes().any(|b| b != b'0') && span.bytes().any(|b| b != b'0');
    (well_formed && known && set).then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for value in values {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn sane_ids_are_kept_and_others_replaced() {
        assert_eq!(RequestId::of(&headers(REQUEST_ID, &["abc-1"])).0, "abc-1");
        for bad in [vec![], vec![""], vec!["a b"], vec!["a", "b"], vec!["a\"b"]] {
            assert_eq!(RequestId::of(&headers(REQUEST_ID, &bad)).0.len(), 36, "{bad:?}");
        }
        assert_eq!(RequestId::of(&headers(REQUEST_ID, &["x".repeat(129).as_str()])).0.len(), 36);
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_its_own() {
        let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let ours = traceparent(&headers("traceparent", &[sent]));
        assert!(ours.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && ours.ends_with("-00") && ours != sent, "{ours}");
    }

    #[test]
    fn a_broken_trace_is_begun_anew() {
        let zero = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        for bad in [
            "",
            "x",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            zero.as_str(),
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(!traceparent(&headers("traceparent", &[bad])).contains("0af76519"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_in_what_goes_on_is_well_formed(text in "[ -~]{0,80}") {
            let ours = traceparent(&headers("traceparent", &[&text]));
            prop_assert!(parse_traceparent(&ours).is_some(), "{}", ours);
            prop_assert!(sane(&RequestId::of(&headers(REQUEST_ID, &[&text])).0));
        }
    }
}
