//! A reader of `/api/stream/tasks` (text/event-stream, the HTML standard's section 9.2). What is not as docs/events.yaml has
//! it fails the test.

use crate::client::Client;
use crate::documented;
use futures::StreamExt;
use reqwest::{Method, Response};
use serde_json::Value;
use std::time::Duration;

/// One event as it was dispatched.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub name: String,
    /// The last event id at that moment.
    pub id: String,
    pub data: Value,
}

/// An open stream.
pub struct Stream {
    bytes: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: Vec<u8>,
    last_id: String,
    /// What `retry:` said, in milliseconds.
    pub retry: Option<u64>,
    /// Comment lines seen.
    pub comments: usize,
}

impl Client {
    /// Opens the stream; waits for its head.
    pub async fn stream(&self, last_event_id: Option<&str>) -> Stream {
        let response = self.open_stream(last_event_id).await.expect("a stream");
        assert_eq!(response.status(), 200);
        Stream::new(response)
    }

    /// The answer to the opening of a stream.
    pub async fn open_stream(&self, last_event_id: Option<&str>) -> reqwest::Result<Response> {
        let mut request = self.request(Method::GET, "/api/stream/tasks").timeout(Duration::from_secs(600));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        request.send().await
    }
}

impl Stream {
    /// Reads the body of this answer.
    pub fn new(response: Response) -> Self {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        documented::prepare();
        let bytes = response.bytes_stream().boxed();
        Self { bytes, buffer: Vec::new(), last_id: String::new(), retry: None, comments: 0 }
    }

    /// The next event; none where the stream has ended or broken.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(block) = self.block() {
                if let Some(event) = self.parse(&block) {
                    return Some(event);
                }
            }
            self.buffer.extend_from_slice(&self.bytes.next().await?.ok()?);
        }
    }

    /// The next event within 10 s; anything else fails the test.
    pub async fn event(&mut self) -> Event {
        tokio::time::timeout(Duration::from_secs(10), self.next())
            .await
            .expect("an event within 10 s")
            .expect("the stream goes on")
    }

    /// Whether nothing but comments comes for so long.
    pub async fn silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.next()).await.is_err()
    }

    /// Whether the stream ends within so long.
    pub async fn ends(&mut self, time: Duration) -> bool {
        let end = async { while self.next().await.is_some() {} };
        tokio::time::timeout(time, end).await.is_ok()
    }

    fn block(&mut self) -> Option<String> {
        let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let block = self.buffer.drain(..end + 2).collect();
        Some(String::from_utf8(block).expect("UTF-8"))
    }

    fn parse(&mut self, block: &str) -> Option<Event> {
        let (mut name, mut data) = ("message".to_owned(), Vec::new());
        for line in block.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if !line.is_empty() => self.comments += 1,
                "event" => name = value.to_owned(),
                "id" => self.last_id = value.to_owned(),
                "data" => data.push(value.to_owned()),
                "retry" => self.retry = value.parse().ok(),
                _ => {}
            }
        }
        if data.is_empty() {
            return None;
        }
        let data = serde_json::from_str(&data.join("\n")).expect("JSON");
        // Those of the Model Context Protocol have no name of their own, and are documented there.
        if name != "message" {
            documented::hold_shown(&name, &data);
        }
        Some(Event { name, id: self.last_id.clone(), data })
    }
}
