//! A closed-loop load over keep-alive connections: cheap enough that it does not become what is measured.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// One request that a load sends over and over.
#[derive(Clone)]
pub struct Shot {
    pub method: &'static str,
    pub path: String,
    pub body: String,
}

/// What a load came to.
pub struct Figures {
    pub per_second: f64,
    /// Sorted.
    pub latencies: Vec<Duration>,
}

impl Figures {
    /// The latency that this share of the requests stayed within.
    pub fn percentile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share) as usize).copied().unwrap_or_default()
    }

    pub fn from(mut latencies: Vec<Duration>, took: Duration) -> Self {
        latencies.sort_unstable();
        Self { per_second: latencies.len() as f64 / took.as_secs_f64(), latencies }
    }
}

/// One keep-alive connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    token: String,
}

impl Connection {
    pub async fn open(base: &str, token: &str) -> Self {
        let host = base.trim_start_matches("http://").to_owned();
        let socket = TcpStream::connect(&host).await.expect("connect");
        socket.set_nodelay(true).expect("nodelay");
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.expect("handshake");
        spawn(async move { drop(connection.await) });
        Self { sender, host, token: token.to_owned() }
    }

    /// Sends, and reads the whole answer; anything but success ends the bench.
    pub async fn fire(&mut self, shot: &Shot) -> Bytes {
        let request = hyper::Request::builder()
            .method(shot.method)
            .uri(&shot.path)
            .header("host", &self.host)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(shot.body.clone())))
            .expect("a request");
        self.sender.ready().await.expect("an open connection");
        let answer = self.sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert!(status.is_success(), "{} {}: {status} {}", shot.method, shot.path, String::from_utf8_lossy(&body));
        body
    }
}

/// Starts a task of the load itself.
#[allow(clippy::disallowed_methods, reason = "the bench has no host to drain")]
pub fn spawn<F: Future<Output: Send> + Send + 'static>(future: F) -> tokio::task::JoinHandle<F::Output> {
    tokio::spawn(future)
}

/// So many connections, each sending as soon as it was answered, for so long. `shot` makes the n-th request of a connection.
pub async fn closed_loop<S>(base: &str, token: &str, connections: usize, time: Duration, shot: S) -> Figures
where
    S: Fn(usize, usize) -> Shot + Send + Sync + 'static,
{
    let shot = Arc::new(shot);
    let mut at_work = Vec::new();
    let until = Instant::now() + time;
    let start = Instant::now();
    for index in 0..connections {
        let mut connection = Connection::open(base, token).await;
        let shot = shot.clone();
        at_work.push(spawn(async move {
            let mut latencies = Vec::new();
            for count in 0.. {
                let began = Instant::now();
                if began > until {
                    break;
                }
                connection.fire(&shot(index, count)).await;
                latencies.push(began.elapsed());
            }
            latencies
        }));
    }
    let mut latencies = Vec::new();
    for work in at_work {
        latencies.extend(work.await.expect("a load"));
    }
    Figures::from(latencies, start.elapsed())
}
