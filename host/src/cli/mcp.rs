//! `tidings mcp`: the Model Context Protocol over stdin and stdout, one message a line, for a client on this machine.
//!
//! A bridge: each message goes through the socket in the data folder to the component that answers `/mcp`, with a token for the user.
//! Where no host runs on the data folder, one does for as long as this. What must not live here: the protocol's methods.

use crate::admin::TokenWanted;
use crate::admin::client::{McpMessage, RunningHost};
use crate::config::Config;
use crate::task::Tasks;
use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::ArgMatches;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// How long a token is good. The next is made when it no longer is.
const TOKEN: Duration = Duration::from_secs(12 * 3_600);
/// How long a host of our own may take to begin, and to end.
const BEGIN: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of a line, as of a body over HTTP, and then some.
const LONGEST: u64 = 2 << 20;
/// Messages that are being answered at one time.
const AT_ONCE: usize = 32;

const INTERNAL_ERROR: i32 = -32_603;

/// Serves until stdin ends. `flags` are those of this command, for a host of our own.
pub async fn serve(config: &Config, matches: &ArgMatches, flags: Vec<String>) -> anyhow::Result<()> {
    let email = matches.get_one::<String>("user").cloned().unwrap_or_default();
    let own = match RunningHost::find(&config.data).await? {
        Some(_) => None,
        None => Some(begin(&config.data, flags).await?),
    };
    let bridge = Bridge { data: config.data.clone(), email, token: Mutex::default(), begun: Mutex::default() };
    let served = bridge.serve().await;
    if let Some(mut own) = own {
        // It ends as its stdin does.
        drop(own.stdin.take());
        _ = tokio::time::timeout(END, own.wait()).await;
    }
    served
}

/// A host on this data folder, on ports that nobody needs to know, that ends when we do. Another may be faster: then that one serves.
async fn begin(data: &Path, flags: Vec<String>) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = Command::new(program);
    command.args(["up", "--until-eof", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]).args(flags);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().context("a host cannot be started")?;
    let until = Instant::now() + BEGIN;
    while RunningHost::find(data).await?.is_none() {
        if Instant::now() > until {
            bail!("the host on {} does not begin to serve", data.display());
        }
        if let Some(status) = child.try_wait()?
            && RunningHost::find(data).await?.is_none()
        {
            bail!("no host can be started on {}: it ended with {status}; what it said stands above", data.display());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(child)
}

struct Bridge {
    data: PathBuf,
    email: String,
    token: Mutex<Option<String>>,
    begun: Mutex<Begun>,
}

/// What `initialize` has settled.
#[derive(Clone, Default)]
struct Begun {
    version: Option<String>,
    conversation: Option<String>,
}

impl Bridge {
    async fn serve(self) -> anyhow::Result<()> {
        // Before the first message: an address that is nobody's is told at once.
        self.renew().await?;
        let (bridge, tasks, places) = (Arc::new(self), Tasks::default(), Arc::new(Semaphore::new(AT_ONCE)));
        let (answers, mut to_write) = mpsc::channel::<String>(AT_ONCE);
        let writing = tasks.spawn("stdout", async move {
            let mut out = tokio::io::stdout();
            while let Some(line) = to_write.recv().await {
                out.write_all(format!("{line}\n").as_bytes()).await?;
                out.flush().await?;
            }
            Ok::<(), std::io::Error>(())
        });
        let under_way = Arc::new(Mutex::new(HashMap::<String, CancellationToken>::new()));
        let mut lines = BufReader::new(tokio::io::stdin());
        while let Some(line) = next(&mut lines).await? {
            let message = serde_json::from_slice::<Value>(&line).unwrap_or_default();
            if message.get("method").and_then(Value::as_str) == Some("notifications/cancelled") {
                let id = message.pointer("/params/requestId").map(Value::to_string).unwrap_or_default();
                lock(&under_way).remove(&id).into_iter().for_each(|cancelled| cancelled.cancel());
                continue;
            }
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
            let (id, cancelled) = (message.get("id").map(Value::to_string), CancellationToken::new());
            id.iter().for_each(|id| _ = lock(&under_way).insert(id.clone(), cancelled.clone()));
            let begins = is(&message, "initialize");
            let (bridge, answers, under_way) = (Arc::clone(&bridge), answers.clone(), Arc::clone(&under_way));
            let answering = async move {
                if let Some(Some(answer)) = cancelled.run_until_cancelled(bridge.answer(line, &message)).await {
                    _ = answers.send(answer).await;
                }
                id.iter().for_each(|id| _ = lock(&under_way).remove(id));
                drop(place);
            };
            // What settles the revision comes before all that speaks it.
            if begins { answering.await } else { _ = tasks.spawn_one_of_many(answering) }
        }
        drop(answers);
        writing.await.context("stdout")??;
        Ok(())
    }

    /// What is to be written. None: nobody waits for anything.
    async fn answer(&self, line: Vec<u8>, message: &Value) -> Option<String> {
        let id = message.get("id").cloned();
        match self.ask(line, message).await {
            Ok(None) => None,
            Ok(Some(answer)) => Some(answer),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a message is not answered");
                let error = json!({"code": INTERNAL_ERROR, "message": format!("{error:#}")});
                Some(json!({"jsonrpc": "2.0", "id": id?, "error": error}).to_string())
            }
        }
    }

    async fn ask(&self, line: Vec<u8>, message: &Value) -> anyhow::Result<Option<String>> {
        let mut headers = self.headers(message);
        let mut answer = self.send(&headers, &line).await?;
        if answer.status == 401 {
            self.renew().await?;
            headers = self.headers(message);
            answer = self.send(&headers, &line).await?;
        }
        let body = match serde_json::from_str::<Value>(&answer.body) {
            Ok(body) if body.get("jsonrpc").is_some() => body,
            _ if answer.status == 202 => return Ok(None),
            Ok(problem) => bail!("{}", problem.get("detail").and_then(Value::as_str).unwrap_or("the host made a mistake")),
            Err(_) => bail!("the host answered {} {}", answer.status, answer.body),
        };
        if is(message, "initialize") {
            let version = body.pointer("/result/protocolVersion").and_then(Value::as_str).map(str::to_owned);
            *lock(&self.begun) = Begun { version, conversation: answer.conversation };
        }
        // One line, however it was written.
        Ok(Some(body.to_string()))
    }

    async fn send(&self, headers: &Map<String, Value>, line: &[u8]) -> anyhow::Result<crate::admin::client::McpAnswer> {
        let host = RunningHost::need(&self.data).await?;
        host.mcp(&McpMessage { headers: headers.clone(), body: String::from_utf8_lossy(line).into_owned() }).await
    }

    /// What HTTP repeats of a message in headers.
    fn headers(&self, message: &Value) -> Map<String, Value> {
        let mut headers = Map::new();
        let mut set = |name: &str, value: String| _ = headers.insert(name.to_owned(), value.into());
        let token = lock(&self.token).clone().unwrap_or_default();
        set("authorization", format!("Bearer {token}"));
        let begun = lock(&self.begun).clone();
        match message.pointer("/params/_meta/io.modelcontextprotocol~1protocolVersion").and_then(Value::as_str) {
            Some(version) => {
                set("mcp-protocol-version", sayable(version));
                let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).map(sayable);
                text("/method").into_iter().for_each(|method| set("mcp-method", method));
                text("/params/name").or_else(|| text("/params/uri")).into_iter().for_each(|name| set("mcp-name", name));
            }
            None if is(message, "initialize") => {}
            None => {
                begun.version.into_iter().for_each(|version| set("mcp-protocol-version", version));
                begun.conversation.into_iter().for_each(|conversation| set("mcp-session-id", conversation));
            }
        }
        headers
    }

    async fn renew(&self) -> anyhow::Result<()> {
        let wanted = TokenWanted { email: self.email.clone(), lifetime_seconds: TOKEN.as_secs() };
        let token = RunningHost::need(&self.data).await?.token(&wanted).await?;
        *lock(&self.token) = Some(token);
        Ok(())
    }
}

/// The next line that is not empty; none: stdin has ended.
async fn next(lines: &mut BufReader<tokio::io::Stdin>) -> anyhow::Result<Option<Vec<u8>>> {
    loop {
        let mut line = Vec::new();
        let read = (&mut *lines).take(LONGEST).read_until(b'\n', &mut line).await.context("stdin")?;
        if read as u64 == LONGEST {
            bail!("a message of more than {LONGEST} bytes came, and no end of it");
        }
        match read {
            0 => return Ok(None),
            _ if line.iter().all(u8::is_ascii_whitespace) => {}
            _ => return Ok(Some(line)),
        }
    }
}

fn is(message: &Value, method: &str) -> bool {
    message.get("method").and_then(Value::as_str) == Some(method)
}

/// As a header can carry it.
fn sayable(text: &str) -> String {
    let plain = text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) && !text.starts_with("=?base64?");
    if plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_header_can_carry_is_encoded() {
        assert_eq!(sayable("tasks://open"), "tasks://open");
        assert_eq!(sayable("Grüße"), "=?base64?R3LDvMOfZQ==?=");
        assert!(sayable("=?base64?x?=").starts_with("=?base64?P"));
    }
}
