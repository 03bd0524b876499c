//! Streams for agents: the stream of a user's changes, told as what changed of the resources that a client follows.
//!
//! A component says what is followed and how notice is given (`components/mcp/server/src/follow.rs`); no instance waits for it. What
//! must not live here: what a change is, who may hear of it.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::response::Response;
use futures::future::BoxFuture;
use futures::{StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::mem;

/// Set on what is asked of a component: an answer with [`FOLLOW`] becomes a stream.
pub const STREAMS: HeaderName = HeaderName::from_static("tidings-streams");
pub const FOLLOW: HeaderName = HeaderName::from_static("tidings-follow");
/// Bytes of what is followed; of an event of the stream.
pub const LONGEST: usize = 64 << 10;

/// The resource that any change is a change of, and what the address of a task begins with.
const OPEN: &str = "tasks://open";
const ONE: &str = "tasks://";

/// What a client follows, as a component has it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Follow {
    pub opening: String,
    pub uris: Vec<String>,
    pub meta: Option<Value>,
    pub closing: Option<String>,
    /// To be asked for again when something has changed.
    pub changes: bool,
}

impl Follow {
    /// None: the component made a mistake.
    pub fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// What is told of a change of this task; of none, where everything may have changed.
    fn told(&self, task: Option<&str>) -> String {
        let is_told = |uri: &&String| {
            uri.as_str() == OPEN || task.is_none_or(|task| uri.strip_prefix(ONE).is_some_and(|id| id.eq_ignore_ascii_case(task)))
        };
        let notice = |uri: &String| {
            let mut params = json!({"uri": uri});
            if let (Some(meta), Some(params)) = (&self.meta, params.as_object_mut()) {
                params.insert("_meta".to_owned(), meta.clone());
            }
            let message = json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params});
            format!("event: message\ndata: {message}\n\n")
        };
        self.uris.iter().filter(is_told).map(notice).collect()
    }
}

/// What is followed now; none: the client is to hear no more.
pub type Again = Box<dyn Fn() -> BoxFuture<'static, Option<Follow>> + Send>;

/// The user's stream, as the client is to see it.
pub fn answer(follow: Follow, changes: Body, again: Again) -> Response {
    let opening = Bytes::from(follow.opening.clone());
    let state = Told { follow, changes: changes.into_data_stream(), again, rest: Vec::new(), over: false };
    let told = stream::unfold(state, async |mut told| Some((Ok::<Bytes, Infallible>(told.next().await?), told)));
    let mut answer = Response::new(Body::from_stream(stream::iter([Ok(opening)]).chain(told)));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    answer
}

/// On the way through a stream.
struct Told {
    follow: Follow,
    changes: BodyDataStream,
    again: Again,
    /// The beginning of an event whose end has not come yet.
    rest: Vec<u8>,
    over: bool,
}

impl Told {
    /// The next bytes for the client.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.over {
            let Some(Ok(bytes)) = self.changes.next().await else {
                self.over = true;
                return self.follow.closing.take().map(Bytes::from);
            };
            self.rest.extend_from_slice(&bytes);
            let events = self.whole();
            if events.is_empty() {
                continue;
            }
            if self.follow.changes && events.iter().any(|event| matches!(event, Event::Changed(_) | Event::Everything)) {
                match (self.again)().await {
                    Some(follow) => self.follow = follow,
                    None => self.over = true,
                }
            }
            let text: String = events.iter().map(|event| self.told(event)).collect();
            if !self.over && !text.is_empty() {
                return Some(Bytes::from(text));
            }
        }
        None
    }

    fn told(&self, event: &Event) -> String {
        match event {
            Event::Changed(task) => self.follow.told(Some(task)),
            Event::Everything => self.follow.told(None),
            Event::Heartbeat => ":\n\n".to_owned(),
        }
    }

    /// Takes the events that are whole.
    fn whole(&mut self) -> Vec<Event> {
        let Some(end) = self.rest.windows(2).rposition(|pair| pair == b"\n\n") else {
            // No event of ours is as long.
            self.over |= self.rest.len() > LONGEST;
            return Vec::new();
        };
        let rest = self.rest.split_off(end + 2);
        let whole = mem::replace(&mut self.rest, rest);
        String::from_utf8_lossy(&whole).split("\n\n").filter_map(Event::of).collect()
    }
}

/// What of the user's stream concerns a client.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// This task.
    Changed(String),
    /// More than the stream has.
    Everything,
    Heartbeat,
}

impl Event {
    fn of(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        match field("event") {
            Some("sync.task-changed") => {
                let data: Value = serde_json::from_str(field("data")?).ok()?;
                Some(Self::Changed(data.get("task_id")?.as_str()?.to_owned()))
            }
            Some("resync") => Some(Self::Everything),
            _ => text.starts_with(':').then_some(Self::Heartbeat),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn changes<const N: usize>(pieces: [&'static str; N]) -> Body {
        Body::from_stream(stream::iter(pieces.map(|piece| Ok::<_, Infallible>(Bytes::from_static(piece.as_bytes())))))
    }

    async fn text(answer: Response) -> String {
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    fn never() -> Again {
        Box::new(|| Box::pin(async { unreachable!("it does not change") }))
    }

    #[tokio::test]
    async fn a_client_hears_of_what_it_follows_and_of_nothing_else() {
        let follow = Follow {
            opening: "opening\n\n".to_owned(),
            uris: vec!["tasks://a".to_owned(), "tasks://b".to_owned()],
            meta: Some(json!({"s": 1})),
            closing: Some("closing\n\n".to_owned()),
            changes: false,
        };
        let stream = [
            "retry: 5\n\nid: 1\nevent: sync.task-changed\ndata: {\"task_",
            "id\": \"a\"}\n\n:\n\n",
            "event: sync.task-changed\ndata: {\"task_id\": \"c\"}\n\nevent: notification.created\ndata: {}\n\n",
            "event: sync.task-changed\ndata: broken\n\nevent: resync\ndata: {}\n\n",
        ];
        let told = |uri: &str| {
            let message =
                json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri, "_meta": {"s": 1}}});
            format!("event: message\ndata: {message}\n\n")
        };
        let expected =
            ["opening\n\n", &told("tasks://a"), ":\n\n", &told("tasks://a"), &told("tasks://b"), "closing\n\n"].concat();
        assert_eq!(text(answer(follow.clone(), changes(stream), never())).await, expected);
        let any = Follow { uris: vec![OPEN.to_owned()], ..follow };
        assert_eq!(text(answer(any, changes(stream), never())).await.matches("tasks://open").count(), 3);
    }

    #[tokio::test]
    async fn what_is_followed_is_asked_again_until_nobody_follows() {
        let follow = |uri: &str| Follow { uris: vec![uri.to_owned()], changes: true, ..Follow::default() };
        let asked = Arc::new(AtomicUsize::new(0));
        let again: Again = Box::new(move || {
            let nth = asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move { (nth == 0).then(|| follow("tasks://a")) })
        });
        let change = "event: sync.task-changed\ndata: {\"task_id\": \"a\"}\n\n";
        let seen = text(answer(follow("tasks://z"), changes([change, ":\n\n", change, change]), again)).await;
        assert_eq!((seen.matches("tasks://a").count(), seen.matches("tasks://z").count()), (1, 0), "{seen}");
    }

    #[tokio::test]
    async fn an_event_without_end_ends_the_stream() {
        let long: &'static str = Box::leak("x".repeat(LONGEST + 1).into_boxed_str());
        let follow = Follow { closing: Some("closing".to_owned()), ..Follow::default() };
        assert_eq!(text(answer(follow, changes([long, "\n\n"]), never())).await, "");
    }
}
