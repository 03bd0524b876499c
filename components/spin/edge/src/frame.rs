//! Bytes of an event stream (the HTML standard, section 9.2), as the native host writes them.

use http::header::{GetAll, HeaderValue};
use serde::Deserialize;
use serde_json::value::RawValue;
use spin_host::store::log::Logged;

/// A comment, which keeps proxies and clients from taking silence for death.
pub const HEARTBEAT: &str = ":\n\n";

/// What a client said that it saw last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastEventId {
    /// Nothing: it wants what happens from now on.
    None,
    Known(u64),
    /// No number that Tidings ever gave out.
    Malformed,
}

impl LastEventId {
    /// From every value of the header.
    pub fn parse(values: GetAll<'_, HeaderValue>) -> Self {
        let mut values = values.iter();
        let Some(value) = values.next() else { return Self::None };
        let number = value.to_str().ok().and_then(|text| text.parse::<u64>().ok().filter(|n| n.to_string() == text));
        match (number, values.next()) {
            (Some(number), None) => Self::Known(number),
            _ => Self::Malformed,
        }
    }

    /// Where to go on; `None`: the client has to load everything anew. `last` is the user's last number, `oldest` the oldest that
    /// is still in the log.
    pub fn resume(self, last: u64, oldest: Option<u64>) -> Option<u64> {
        match self {
            Self::None => Some(last),
            Self::Known(seen) if seen == last => Some(seen),
            Self::Known(seen) if seen < last && oldest.is_some_and(|oldest| oldest <= seen + 1) => Some(seen),
            Self::Known(_) | Self::Malformed => None,
        }
    }
}

/// What the log keeps is a CloudEvent; what a reader is shown is its data. Nothing where it has none.
pub fn event(event: &Logged) -> String {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let Ok(Envelope { data }) = serde_json::from_str::<Envelope<'_>>(&event.body) else { return String::new() };
    // JSON text has no raw line break outside of its white space, which a line of data may not hold.
    let data = data.get().replace(['\r', '\n'], " ");
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.sequence, event.kind)
}

/// How many milliseconds the client waits before it comes back.
pub fn retry(millis: u16) -> String {
    format!("retry: {millis}\n\n")
}

/// Tells the client to load everything anew, with the number that a later resume can start from.
pub fn resync(last: u64) -> String {
    format!("id: {last}\nevent: resync\ndata: {{}}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_number_as_we_write_it() {
        let parse = |values: &[&'static str]| {
            let mut headers = http::HeaderMap::new();
            values.iter().for_each(|value| _ = headers.append("last-event-id", HeaderValue::from_static(value)));
            LastEventId::parse(headers.get_all("last-event-id"))
        };
        assert_eq!(parse(&[]), LastEventId::None);
        assert_eq!(parse(&["0"]), LastEventId::Known(0));
        for bad in ["", "+1", "-1", "01", "1.0", "x", "18446744073709551616"] {
            assert_eq!(parse(&[bad]), LastEventId::Malformed, "{bad}");
        }
        assert_eq!(parse(&["1", "1"]), LastEventId::Malformed);
    }

    #[test]
    fn what_cannot_be_resumed_is_said() {
        let known = LastEventId::Known;
        assert_eq!(LastEventId::None.resume(9, Some(4)), Some(9));
        assert_eq!(known(9).resume(9, Some(4)), Some(9));
        assert_eq!(known(3).resume(9, Some(4)), Some(3));
        assert_eq!(known(2).resume(9, Some(4)), None, "the third is gone");
        assert_eq!(known(10).resume(9, Some(4)), None, "the future");
        assert_eq!(known(3).resume(9, None), None, "all are gone");
        assert_eq!(known(0).resume(0, None), Some(0));
        assert_eq!(LastEventId::Malformed.resume(0, None), None);
    }

    #[test]
    fn an_event_is_one_block() {
        let body = "{\"specversion\":\"1.0\",\n\"data\":{\"n\":\n1}}".to_owned();
        let logged = Logged { sequence: 4, kind: "sync.task-changed".to_owned(), body };
        assert_eq!(event(&logged), "id: 4\nevent: sync.task-changed\ndata: {\"n\": 1}\n\n");
        assert_eq!(event(&Logged { body: "{}".to_owned(), ..logged }), "");
    }
}
