//! A stream on a bare HTTP/1.1 connection, which hyper has given back.
//!
//! hyper keeps a read buffer of 8 KiB for each connection, however idle. A stream needs none: its request has been read,
//! and nothing but its end is ever heard from the client again. What is left is a socket, a reader and a small task.

use super::frame::resync;
use super::hub::End;
use super::reader::Reader;
use http::Response;
use http::header::{CONNECTION, HeaderValue};
use metrics::counter;
use socket2::SockRef;
use std::future::poll_fn;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What the kernel may keep of a stream whose client does not read.
const SEND_BUFFER: usize = 64 << 10;
/// What a client may say after its request before it is taken for broken.
const CHATTER: usize = 64 << 10;

/// Answers and goes on until the stream ends or the client is gone. The body has no length: the connection's end is its end
/// (RFC 9112, section 6.3), which suits HTTP/1.0 too.
pub async fn run(mut socket: TcpStream, response: Response<Reader>) {
    SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER).ok();
    let head = head(&response);
    let mut reader = response.into_body();
    if write(&mut socket, &reader, &head).await.is_err() {
        return;
    }
    drop(head);
    loop {
        let bytes = tokio::select! {
            biased;
            bytes = reader.next() => bytes,
            () = gone(&socket) => return,
        };
        let Some(bytes) = bytes else { break };
        if write(&mut socket, &reader, &bytes).await.is_err() {
            return;
        }
        counter!("tidings_stream_bytes_total").increment(bytes.len() as u64);
    }
    tokio::time::timeout(Duration::from_secs(1), socket.shutdown()).await.ok();
}

/// Status line and headers.
fn head<B>(response: &Response<B>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    let close = HeaderValue::from_static("close");
    for (name, value) in response.headers().iter().chain([(&CONNECTION, &close)]) {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// All of it, unless the stream is ended meanwhile: a client that takes nothing cannot hold it open.
async fn write(socket: &mut TcpStream, reader: &Reader, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = tokio::select! {
            biased;
            written = socket.write(bytes) => written?,
            end = poll_fn(|cx| reader.poll_ended(cx)) => {
                if end == End::Stalled {
                    last_words(socket, bytes);
                }
                return Err(io::ErrorKind::TimedOut.into());
            }
        };
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Tells a client that took nothing to reload, for when it looks again. The kernel's buffer is full: it gets, once, room for the
/// rest of what was begun and for this.
fn last_words(socket: &TcpStream, rest: &[u8]) {
    let socket = SockRef::from(socket);
    let words = [rest, resync(None).as_bytes()].concat();
    // The kernel counts its own overhead too.
    socket.set_send_buffer_size(2 * (SEND_BUFFER + words.len())).ok();
    socket.send(&words).ok();
}

/// Ready when the client has closed, or talks where it has nothing to say.
async fn gone(socket: &TcpStream) {
    let mut heard = 0;
    while heard < CHATTER && socket.readable().await.is_ok() {
        let mut scratch = [0; 256];
        match socket.try_read(&mut scratch) {
            Ok(0) => return,
            Ok(count) => heard += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sse::hub::{Hub, HubLimits};
    use crate::sse::reader::LastEventId;
    use crate::sse::reader::tests::{Log, open};
    use crate::task::Tasks;
    use domain::time::Timestamp;
    use std::sync::Arc;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::Instant;

    #[tokio::test]
    async fn who_takes_nothing_is_told_and_closed() {
        let hub = Hub::new(HubLimits { queue: 64, ..HubLimits::default() });
        let log = Arc::new(Log::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(4_096).unwrap();
        let mut client = client.connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let reader = open(&hub, &log, LastEventId::None).await;
        let stream = Tasks::default().spawn("stream", run(socket, Response::new(reader)));
        for sequence in 1..=20_000 {
            hub.deliver(&log.write(sequence));
            tokio::task::yield_now().await;
        }
        assert!(!stream.is_finished());
        hub.tick(1, Timestamp::MIN, Instant::now() + Duration::from_secs(31));
        tokio::time::timeout(Duration::from_secs(5), stream).await.unwrap().unwrap();
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.ends_with("\n\nevent: resync\ndata: {}\n\n"), "{}", &seen[seen.len() - 200..]);
        assert!(seen.matches("sync.task-changed").count() < 20_000);
        assert_eq!(hub.readers(), 0);
    }

    #[test]
    fn the_head_is_what_http_says() {
        let response = Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
        let text = String::from_utf8(head(&response)).unwrap();
        assert_eq!(text, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n");
    }
}
