//! A request's body: taken within its limit, and read to its end where nobody wants it.

use axum::BoxError;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A request's body, which breaks off once it is longer than it may be.
pub struct Limited {
    /// None once it broke off.
    inner: Option<Body>,
    left: u64,
    overrun: Arc<Overrun>,
}

/// What is left of a body that was too long.
#[derive(Default)]
pub struct Overrun {
    happened: AtomicBool,
    rest: Mutex<Option<Body>>,
}

/// The body was longer than it may be.
#[derive(Debug, thiserror::Error)]
#[error("the body is too long")]
pub struct TooLong;

impl Limited {
    /// The body, and where it is told that it turned out to be longer than `limit` bytes.
    pub fn new(inner: Body, limit: u64) -> (Self, Arc<Overrun>) {
        let overrun = Arc::new(Overrun::default());
        (Self { inner: Some(inner), left: limit, overrun: overrun.clone() }, overrun)
    }
}

impl Overrun {
    pub fn happened(&self) -> bool {
        self.happened.load(Ordering::Acquire)
    }

    /// The rest of the body, unread; once.
    pub fn take_rest(&self) -> Option<Body> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(Some(Err(TooLong.into()))) };
        let frame = match ready!(Pin::new(inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => {
                *self.overrun.rest.lock().unwrap_or_else(PoisonError::into_inner) = self.inner.take();
                self.overrun.happened.store(true, Ordering::Release);
                return Poll::Ready(Some(Err(TooLong.into())));
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

/// Reads a body that nobody wants, within bounds: a client that still sends when the connection is closed under it may never
/// see its answer.
pub async fn discard(mut body: Body) {
    const AT_MOST: usize = 16 << 20;
    let mut read = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > AT_MOST {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), reading).await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use proptest::prelude::*;

    fn chunks(sizes: &[usize]) -> Body {
        let chunks: Vec<_> = sizes.iter().map(|size| Ok::<_, BoxError>(vec![0; *size])).collect();
        Body::from_stream(stream::iter(chunks))
    }

    proptest! {
        #[test]
        fn breaks_off_exactly_when_too_long(sizes in proptest::collection::vec(0usize..50, 0..20), limit in 0u64..400) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (body, overrun) = Limited::new(chunks(&sizes), limit);
            let read = runtime.block_on(body.collect());
            let total: usize = sizes.iter().sum();
            prop_assert_eq!(read.is_err(), total as u64 > limit);
            prop_assert_eq!(overrun.happened(), total as u64 > limit);
        }
    }
}
