//! Requests to this page's own server.

use gloo_net::http::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::str::FromStr;

/// How long an answer may take, in milliseconds.
const PATIENCE: u32 = 20_000;

/// An answer, whatever it says.
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// The server's clock, in milliseconds since 1970; none where it does not say.
    pub date: Option<f64>,
}

/// Why there is nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server did not answer, or cannot serve just now.
    Away,
    SignedOut,
    /// What the problem document says.
    Refused(String),
}

impl Answer {
    /// What it says is wrong.
    pub fn problem(&self) -> String {
        let document: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let faults = document.get("errors").and_then(Value::as_array).into_iter().flatten();
        let faults: Vec<String> = faults.map(|fault| format!("{} {}", text(fault, "path"), text(fault, "detail"))).collect();
        match (faults.is_empty(), text(&document, "detail")) {
            (false, _) => faults.join("; "),
            (true, detail) if !detail.is_empty() => detail,
            _ => format!("The server answered with status {}.", self.status),
        }
    }

    /// Its body, where it is a success.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        match self.status {
            200..=299 => serde_json::from_str(&self.body).map_err(|error| Trouble::Refused(error.to_string())),
            401 => Err(Trouble::SignedOut),
            408 | 429 | 500..=599 => Err(Trouble::Away),
            _ => Err(Trouble::Refused(self.problem())),
        }
    }

    /// That it is a success, whatever it holds.
    pub fn done(&self) -> Result<(), Trouble> {
        if (200..=299).contains(&self.status) { Ok(()) } else { self.read::<Value>().map(drop) }
    }
}

/// Sends a request and waits for the whole answer.
pub async fn send(method: &str, path: &str, body: Option<&Value>, headers: &[(&str, String)]) -> Result<Answer, Trouble> {
    // Not `to_string`, which can write indented text too, and would be sent to every visitor for it.
    let body = body.map(|body| ("application/json", serde_json::to_string(body).unwrap_or_default()));
    ask(method, path, body, headers, PATIENCE).await
}

/// Sends a text, of which much is to be done.
pub async fn send_text(method: &str, path: &str, text: String) -> Result<Answer, Trouble> {
    ask(method, path, Some(("text/plain", text)), &[], 4 * PATIENCE).await
}

async fn ask(
    method: &str,
    path: &str,
    body: Option<(&str, String)>,
    headers: &[(&str, String)],
    patience: u32,
) -> Result<Answer, Trouble> {
    let signal = web_sys::AbortSignal::timeout_with_u32(patience);
    let method = Method::from_str(method).unwrap_or(Method::GET);
    let mut request = RequestBuilder::new(path).method(method).abort_signal(Some(&signal));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = match body {
        Some((kind, body)) => request.header("content-type", kind).body(body),
        None => request.build(),
    };
    let response = request.map_err(|_| Trouble::Away)?.send().await.map_err(|_| Trouble::Away)?;
    let date = response.headers().get("date").map(|date| js_sys::Date::parse(&date)).filter(|date| date.is_finite());
    Ok(Answer { status: response.status(), body: response.text().await.map_err(|_| Trouble::Away)?, date })
}

pub async fn get<T: DeserializeOwned>(path: &str) -> Result<T, Trouble> {
    send("GET", path, None, &[]).await?.read()
}

pub async fn write<T: DeserializeOwned>(method: &str, path: &str, body: &Value) -> Result<T, Trouble> {
    send(method, path, Some(body), &[]).await?.read()
}
