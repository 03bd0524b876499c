//! The commands' end of the socket.

use super::{Component, Moved, Replay, TokenWanted, Wanted, socket};
pub use super::{McpAnswer, McpMessage};
use crate::swap::Swapped;
use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// A running host, found by its data folder.
pub struct RunningHost {
    data: PathBuf,
    socket: UnixStream,
}

impl RunningHost {
    /// `None` where no host runs on this data folder.
    pub async fn find(data: &Path) -> anyhow::Result<Option<Self>> {
        let path = socket(data);
        match UnixStream::connect(&path).await {
            Ok(socket) => Ok(Some(Self { data: data.to_owned(), socket })),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("the socket {} cannot be opened", path.display())),
        }
    }

    /// For commands that need one.
    pub async fn need(data: &Path) -> anyhow::Result<Self> {
        let shown = data.display();
        Self::find(data).await?.with_context(|| {
            format!("no host runs on the data folder {shown}: start one with `tidings up --data {shown}`, or name another folder with --data")
        })
    }

    pub async fn components(self) -> anyhow::Result<Vec<Component>> {
        let body = self.ask(Method::GET, "/components", Vec::new()).await?.into_body().collect().await?.to_bytes();
        serde_json::from_slice(&body).context("the host's answer makes no sense")
    }

    /// The audit log of what replaced what, a CloudEvent a line.
    pub async fn swaps(self) -> anyhow::Result<String> {
        let body = self.ask(Method::GET, "/components/log", Vec::new()).await?.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// Replaces a component; `None` for what it is replaced by: goes back.
    pub async fn swap(self, name: &str, wasm: Option<Vec<u8>>) -> anyhow::Result<Swapped> {
        let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let path = format!("/components/{name}/{}", if wasm.is_some() { "swap" } else { "rollback" });
        let body = self.ask(Method::POST, &path, wasm.unwrap_or_default()).await?.into_body();
        serde_json::from_slice(&body.collect().await?.to_bytes()).context("the host's answer makes no sense")
    }

    pub async fn token(self, wanted: &TokenWanted) -> anyhow::Result<String> {
        let body = self.ask(Method::POST, "/token", serde_json::to_vec(wanted)?).await?.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// Writes the log's lines as they come.
    pub async fn events(self, wanted: &Wanted, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let mut body = self.ask(Method::POST, "/events", serde_json::to_vec(wanted)?).await?.into_body();
        while let Some(frame) = body.frame().await {
            let frame = frame.context("the host stopped in the middle of the log")?;
            if let Some(lines) = frame.data_ref() {
                out.write_all(lines)?;
                out.flush()?;
            }
        }
        Ok(())
    }

    /// How many dead letters were sent again.
    pub async fn replay(self, wanted: &Replay) -> anyhow::Result<u64> {
        let body = self.ask(Method::POST, "/events/replay", serde_json::to_vec(wanted)?).await?.into_body();
        serde_json::from_slice(&body.collect().await?.to_bytes()).context("the host's answer makes no sense")
    }

    /// What the clock shows now.
    pub async fn move_clock(self, moved: &Moved) -> anyhow::Result<String> {
        let body = self.ask(Method::POST, "/clock", serde_json::to_vec(moved)?).await?.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec())?)
    }

    /// What `/mcp` answers to a message.
    pub async fn mcp(self, message: &McpMessage) -> anyhow::Result<McpAnswer> {
        let body = self.ask(Method::POST, "/mcp", serde_json::to_vec(message)?).await?.into_body().collect().await?.to_bytes();
        serde_json::from_slice(&body).context("the host's answer makes no sense")
    }

    async fn ask(self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<Response<Incoming>> {
        let lost = || format!("the host on {} does not answer", self.data.display());
        let (mut sender, connection) = http1::handshake(TokioIo::new(self.socket)).await.with_context(lost)?;
        crate::task::Tasks::default().spawn("command", async move { connection.await.ok() });
        let request =
            Request::builder().method(method).uri(path).header("host", "tidings").header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(body)))?;
        let response = sender.send_request(request).await.with_context(lost)?;
        if !response.status().is_success() {
            let why = response.into_body().collect().await?.to_bytes();
            bail!("{}", String::from_utf8_lossy(&why));
        }
        Ok(response)
    }
}
