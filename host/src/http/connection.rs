//! One connection: HTTP/1.1 or HTTP/2 by its first bytes, and the giving up of a connection to a stream.
//!
//! Not `axum::serve`, for the sake of the stream: a handler of axum's has no way to take the socket from hyper under a plain 200
//! (an upgrade is a 101), and a stream that stays with hyper keeps its buffers (see [`crate::sse::raw`]). So the routes are
//! axum's, what they answer is whole, and only here the stream in it is taken out where HTTP/1.1 allows that. `axum::serve` has no
//! limit for the head of a request either.

use super::listener::Peer;
use crate::sse::Reader;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use http::Request;
use hyper::body::Incoming;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// For the head of a request, the first or a later one: a client that dribbles or idles holds a connection no longer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest head of a request.
const MAX_HEAD: usize = 64 << 10;
/// HTTP/2 requests at one time on one connection.
const MAX_STREAMS: u32 = 128;

/// What is to be done with a connection that HTTP/1.1 has left.
pub type Handover = Option<(TcpStream, http::Response<Reader>)>;

/// Serves a connection to its end, or to where it becomes a stream.
pub async fn serve(socket: TcpStream, peer: Peer, routes: Router, stop: CancellationToken) -> Handover {
    socket.set_nodelay(true).ok();
    let sniffed = tokio::select! {
        sniffed = tokio::time::timeout(HEAD_TIMEOUT, speaks_http2(&socket)) => sniffed,
        () = stop.cancelled() => return None,
    };
    match sniffed {
        Ok(Ok(true)) => {
            serve_http2(socket, peer, routes, stop).await;
            None
        }
        Ok(Ok(false)) => serve_http1(socket, peer, routes, stop).await,
        Ok(Err(_)) | Err(_) => None,
    }
}

/// Whether the first bytes are those of HTTP/2 with prior knowledge (RFC 9113, section 3.4). They stay to be read.
async fn speaks_http2(socket: &TcpStream) -> io::Result<bool> {
    const BEGIN: &[u8] = b"PRI ";
    let mut first = [0; BEGIN.len()];
    loop {
        let count = socket.peek(&mut first).await?;
        let seen = first.get(..count).unwrap_or_default();
        if seen.is_empty() || !BEGIN.starts_with(seen) {
            return Ok(false);
        }
        if seen == BEGIN {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn serve_http2(socket: TcpStream, peer: Peer, routes: Router, stop: CancellationToken) {
    let torn_down = peer.torn_down.clone();
    let service = service_fn(move |request| answer(routes.clone(), peer.clone(), request).map(Ok::<_, Infallible>));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = torn_down.cancelled() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = torn_down.cancelled() => {}
    }
}

async fn serve_http1(socket: TcpStream, peer: Peer, routes: Router, stop: CancellationToken) -> Handover {
    let shared = Arc::new(Shared::default());
    let torn_down = peer.torn_down.clone();
    let seen = shared.clone();
    let service = service_fn(move |request| {
        let (answer, shared) = (answer(routes.clone(), peer.clone(), request), seen.clone());
        async move {
            let mut response = answer.await;
            let stream = response.extensions_mut().remove::<Streaming>();
            match stream.filter(|_| !shared.unwritten.load(Ordering::Acquire)).and_then(|stream| stream.take()) {
                None => Ok::<_, Infallible>(response),
                Some(reader) => {
                    *lock(&shared.handover) = Some(response.map(|_| reader));
                    std::future::pending().await
                }
            }
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(Io { socket: TokioIo::new(socket), shared: shared.clone() }, service);
    let mut stopping = pin!(stop.cancelled());
    let mut tearing_down = pin!(torn_down.cancelled());
    let mut told = false;
    let handover = poll_fn(|cx| {
        if !told && stopping.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if Pin::new(&mut connection).poll(cx).is_ready() || tearing_down.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        match lock(&shared.handover).take() {
            Some(stream) => Poll::Ready(Some(stream)),
            None => Poll::Pending,
        }
    })
    .await?;
    Some((connection.into_parts().io.socket.into_inner(), handover))
}

async fn answer(mut routes: Router, peer: Peer, mut request: Request<Incoming>) -> Response {
    request.extensions_mut().insert(peer);
    let Ok(response) = routes.call(request).await;
    response
}

/// A stream of events among the extensions of the answer that streams it: whoever takes it before the body is read has it, and
/// the body is empty.
#[derive(Clone)]
pub struct Streaming(Arc<Mutex<Option<Reader>>>);

impl Streaming {
    /// A whole answer, which any server can send.
    pub fn answer(reader: Reader) -> Response {
        let streaming = Self(Arc::new(Mutex::new(Some(reader))));
        let body = streaming.clone();
        let reader = stream::once(async move { stream::iter(body.take()) }).flatten();
        let mut response = Response::new(Body::from_stream(reader.flat_map(|reader| {
            stream::unfold(reader, async |mut reader| reader.next().await.map(|bytes| (Ok::<Bytes, Infallible>(bytes), reader)))
        })));
        response.extensions_mut().insert(streaming);
        response
    }

    fn take(&self) -> Option<Reader> {
        lock(&self.0).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the service and the driver of a connection tell each other.
#[derive(Default)]
struct Shared {
    /// The stream that the connection is to become.
    handover: Mutex<Option<http::Response<Reader>>>,
    /// hyper holds bytes of an earlier answer that the socket would not take: the connection cannot be taken from it.
    unwritten: AtomicBool,
}

/// The socket, watched for what it would not take.
struct Io {
    socket: TokioIo<TcpStream>,
    shared: Arc<Shared>,
}

impl Io {
    fn watch<T>(&self, poll: Poll<T>) -> Poll<T> {
        self.shared.unwritten.store(poll.is_pending(), Ordering::Release);
        poll
    }
}

impl Read for Io {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl Write for Io {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.watch(poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.watch(poll)
    }
}
