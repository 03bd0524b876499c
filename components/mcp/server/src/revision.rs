//! Which revision of the protocol a request speaks. Since 2026-07-28 each request says so by itself; before, a client began with
//! `initialize`, and named the revision in a header from then on.

use crate::rpc::{Fault, INVALID_PARAMS, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};

/// The current one, in which requests stand for themselves.
pub const CURRENT: ProtocolVersion = ProtocolVersion::V_2026_07_28;
/// Those that begin with `initialize`; the newest first.
pub const OLDER: [ProtocolVersion; 2] = [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2025_06_18];

/// `HeaderMismatch` and `UnsupportedProtocolVersionError` of the schema of 2026-07-28.
const HEADER_MISMATCH: i32 = -32_020;
const UNSUPPORTED: i32 = -32_022;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// What the headers of a request say of its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headers<'a> {
    /// `MCP-Protocol-Version`
    pub version: Option<&'a str>,
    /// `Mcp-Method`
    pub method: Option<&'a str>,
    /// `Mcp-Name`
    pub name: Option<&'a str>,
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// Each request for itself.
    Stateless,
    /// Within what `initialize` began.
    Initialized,
}

/// Of one request; or why it speaks none that is spoken here.
pub fn era(request: &Request, headers: Headers<'_>) -> Result<Era, Fault> {
    let meta = request.params.get("_meta");
    let said = meta.and_then(|meta| meta.get(VERSION));
    let current = CURRENT.to_string();
    match said {
        None if request.method == "initialize" => Ok(Era::Initialized),
        None => match headers.version {
            // A client of 2025-03-26 sent none; it is served as if it had learned to.
            None => Ok(Era::Initialized),
            Some(version) if OLDER.iter().any(|older| older.as_str() == version) => Ok(Era::Initialized),
            Some(version) if version == current => Err(missing(VERSION)),
            Some(version) => Err(unsupported(version)),
        },
        Some(Value::String(version)) => {
            mirrored("MCP-Protocol-Version", headers.version, version)?;
            if *version != current {
                return Err(unsupported(version));
            }
            if !meta.and_then(|meta| meta.get(CAPABILITIES)).is_some_and(Value::is_object) {
                return Err(missing(CAPABILITIES));
            }
            mirrored("Mcp-Method", headers.method, &request.method)?;
            let name = match request.method.as_str() {
                "tools/call" => request.params.get("name"),
                "resources/read" => request.params.get("uri"),
                _ => None,
            };
            if let Some(Value::String(name)) = name {
                mirrored("Mcp-Name", headers.name, name)?;
            }
            Ok(Era::Stateless)
        }
        Some(_) => Err(Fault::bad(INVALID_PARAMS, format!("params._meta[\"{VERSION}\"] is a string."))),
    }
}

/// What `initialize` settles on: what the client asks for where that is spoken, else the newest of its kind.
pub fn settled(asked: Option<&Value>) -> ProtocolVersion {
    let asked = asked.and_then(Value::as_str).unwrap_or_default();
    let [newest, ..] = OLDER;
    OLDER.into_iter().find(|older| older.as_str() == asked).unwrap_or(newest)
}

/// All that are spoken; the current one first.
pub fn spoken() -> Vec<ProtocolVersion> {
    std::iter::once(CURRENT).chain(OLDER).collect()
}

fn unsupported(version: &str) -> Fault {
    let requested: String = version.chars().take(64).collect();
    Fault::bad(UNSUPPORTED, "Unsupported protocol version").with(json!({"supported": spoken(), "requested": requested}))
}

fn missing(key: &str) -> Fault {
    Fault::bad(INVALID_PARAMS, format!("params._meta[\"{key}\"] is missing."))
}

/// A header repeats what the body says, for whoever stands between.
fn mirrored(header: &str, sent: Option<&str>, body: &str) -> Result<(), Fault> {
    let why = match sent {
        None => "is missing",
        Some(sent) if decoded(sent).is_some_and(|sent| sent == body.as_bytes()) => return Ok(()),
        Some(_) => "does not match the body",
    };
    Err(Fault::bad(HEADER_MISMATCH, format!("Header mismatch: {header} {why}.")))
}

/// What cannot stand in a header comes in base64, between marks.
fn decoded(sent: &str) -> Option<Vec<u8>> {
    match sent.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(encoded) => STANDARD.decode(encoded).ok(),
        None => Some(sent.as_bytes().to_vec()),
    }
}
