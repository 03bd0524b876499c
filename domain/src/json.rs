//! Writing JSON. Reading it, with every fault named, is [`crate::input`].

use serde::Serialize;
use serde_json::to_string;
use serde_json::value::{RawValue, Value, to_raw_value, to_value};

/// The JSON of a value of ours.
#[allow(
    clippy::expect_used,
    reason = "serde_json fails only on map keys that are no strings and on Serialize that fails; ours do neither"
)]
pub fn raw<T: Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    to_raw_value(value).expect("plain data has a JSON form")
}

/// The JSON of a value of ours, as text.
#[allow(clippy::expect_used, reason = "as above")]
pub fn text<T: Serialize + ?Sized>(value: &T) -> String {
    to_string(value).expect("plain data has a JSON form")
}

/// The JSON of a value of ours, as a tree.
#[allow(clippy::expect_used, reason = "as above")]
pub fn value<T: Serialize + ?Sized>(value: &T) -> Value {
    to_value(value).expect("plain data has a JSON form")
}
