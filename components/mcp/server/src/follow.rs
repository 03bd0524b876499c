//! Streams of what changes. Whoever serves us has the stream of the user's changes; here it is said what of it a client hears, and how.

use crate::resources;
use serde::Serialize;
use serde_json::{Value, json};

/// The most resources that one stream follows.
pub const MOST: usize = 100;

/// What is to be streamed, in the place of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Follow {
    /// What comes first, as an event stream has it.
    pub opening: String,
    /// Whenever one of these changes its client is told.
    pub uris: Vec<String>,
    /// `params._meta` of each notice.
    pub meta: Option<Value>,
    /// What comes last where it is we who end it.
    pub closing: Option<String>,
    /// What is followed may be another by the time that something changes: then it is asked for again.
    pub changes: bool,
}

impl Follow {
    /// Of `subscriptions/listen`, whose request had this id.
    pub fn listening(id: &Value, uris: Vec<String>) -> Self {
        let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
        let acknowledged = json!({
            "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": {"_meta": meta, "notifications": {"resourceSubscriptions": uris}},
        });
        let ended = json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete", "_meta": meta}});
        Self { opening: event(&acknowledged), uris, meta: Some(meta), closing: Some(event(&ended)), changes: false }
    }

    /// Of a conversation.
    pub fn conversing(uris: Vec<String>) -> Self {
        Self { opening: ":\n\n".to_owned(), uris, meta: None, closing: None, changes: true }
    }
}

/// What of a wish can be followed.
pub fn followed(wished: Option<&Value>) -> Option<Vec<String>> {
    let wished = match wished {
        None => return Some(Vec::new()),
        Some(Value::Array(wished)) if wished.len() <= MOST => wished,
        Some(_) => return None,
    };
    let mut uris: Vec<String> =
        wished.iter().filter_map(Value::as_str).filter(|uri| resources::is_one(uri)).map(str::to_owned).collect();
    uris.sort_unstable();
    uris.dedup();
    Some(uris)
}

fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}
