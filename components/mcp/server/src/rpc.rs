//! JSON-RPC 2.0 as MCP has it: one message, no batches. <https://www.jsonrpc.org/specification>

use domain::ports::Failure;
use serde_json::{Map, Value, json};

/// What a client sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Request(Request),
    /// Nobody waits for an answer.
    Notification,
    /// An answer to what we never ask.
    Response,
}

/// A request. Its id is a string or an integer.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub id: Value,
    pub method: String,
    pub params: Map<String, Value>,
}

/// Why a request has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// The message, the method or its parameters are not what they should be.
    Fault(Fault),
    /// The session lacks this scope. 403.
    Scope(String),
    /// The session has ended. 401.
    Ended,
    /// A conversation of this id is not, or is somebody else's. 404.
    NoConversation,
}

/// An error of JSON-RPC, and the status that it has over HTTP in the current revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub code: i32,
    pub message: String,
    pub data: Option<Value>,
    pub status: u16,
}

pub const PARSE_ERROR: i32 = -32_700;
pub const INVALID_REQUEST: i32 = -32_600;
pub const METHOD_NOT_FOUND: i32 = -32_601;
pub const INVALID_PARAMS: i32 = -32_602;
pub const INTERNAL_ERROR: i32 = -32_603;
/// Of the transport: no code of the protocol's says it.
pub const REFUSED: i32 = -32_000;

impl Fault {
    /// The message is no request that makes sense: 400.
    pub fn bad(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, status: 400 }
    }

    /// The request makes sense, what it names is not there: 200, as the official servers have it.
    pub fn of_a_name(code: i32, message: impl Into<String>) -> Self {
        Self { status: 200, ..Self::bad(code, message) }
    }

    pub fn with(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    /// The whole answer. `id` is null where nobody could read one.
    pub fn answer(&self, id: &Value) -> String {
        let mut error = json!({"code": self.code, "message": self.message});
        if let (Some(data), Some(error)) = (&self.data, error.as_object_mut()) {
            error.insert("data".to_owned(), data.clone());
        }
        json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What of a port's failure is not for a tool's result to say.
impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Forbidden(scope) => Self::Scope(scope),
            Failure::Ended => Self::Ended,
            Failure::Conflict => unavailable("Others changed the same at the same time. Try again."),
            Failure::Unavailable(reason) => unavailable(&reason),
            Failure::Invalid(why) => {
                // The host puts a component's standard error into its log.
                eprintln!("a port was misused: {why}");
                let message = "The server made a mistake. Its log says which.";
                Self::Fault(Fault { code: INTERNAL_ERROR, message: message.to_owned(), data: None, status: 500 })
            }
        }
    }
}

fn unavailable(reason: &str) -> Refusal {
    Refusal::Fault(Fault { code: INTERNAL_ERROR, message: format!("Unavailable just now: {reason}"), data: None, status: 503 })
}

/// Reads one message.
pub fn read(body: &[u8]) -> Result<Message, Fault> {
    let value = serde_json::from_slice(body).map_err(|fault| Fault::bad(PARSE_ERROR, format!("This is no JSON: {fault}.")))?;
    let mut message = match value {
        Value::Object(message) => message,
        Value::Array(_) => return Err(Fault::bad(INVALID_REQUEST, "Batches are not taken: send one message at a time.")),
        _ => return Err(Fault::bad(INVALID_REQUEST, "A message is a JSON object.")),
    };
    if message.get("jsonrpc") != Some(&json!("2.0")) {
        return Err(Fault::bad(INVALID_REQUEST, "A message has \"jsonrpc\": \"2.0\"."));
    }
    let id = message.remove("id");
    let method = match message.remove("method") {
        Some(Value::String(method)) => method,
        None if message.contains_key("result") || message.contains_key("error") => return Ok(Message::Response),
        _ => return Err(Fault::bad(INVALID_REQUEST, "A message has a method, which is a string.")),
    };
    let params = match message.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(Fault::bad(INVALID_REQUEST, "params is an object.")),
    };
    match id {
        None => Ok(Message::Notification),
        Some(id) if id.is_string() || id.is_i64() || id.is_u64() => Ok(Message::Request(Request { id, method, params })),
        Some(_) => Err(Fault::bad(INVALID_REQUEST, "An id is a string or an integer.")),
    }
}
