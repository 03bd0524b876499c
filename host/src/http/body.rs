//! Bodies: what goes out, and what comes in within its limit.

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Why a body broke off.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of any origin.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is all there.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A request's body, which breaks off once it is longer than it may be.
pub struct Limited<B> {
    /// None once it broke off.
    inner: Option<B>,
    left: u64,
    overrun: Arc<Overrun<B>>,
}

/// What is left of a body that was too long.
pub struct Overrun<B> {
    happened: AtomicBool,
    rest: Mutex<Option<B>>,
}

/// The body was longer than it may be.
#[derive(Debug, thiserror::Error)]
#[error("the body is too long")]
pub struct TooLong;

impl<B> Limited<B> {
    /// The body, and where it is told that it turned out to be longer than `limit` bytes.
    pub fn new(inner: B, limit: u64) -> (Self, Arc<Overrun<B>>) {
        let overrun = Arc::new(Overrun { happened: AtomicBool::new(false), rest: Mutex::new(None) });
        (Self { inner: Some(inner), left: limit, overrun: overrun.clone() }, overrun)
    }
}

impl<B> Overrun<B> {
    pub fn happened(&self) -> bool {
        self.happened.load(Ordering::Acquire)
    }

    /// The rest of the body, unread; once.
    pub fn take_rest(&self) -> Option<B> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<B> http_body::Body for Limited<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
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
        self.inner.as_ref().is_some_and(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map(B::size_hint).unwrap_or_default()
    }
}

/// Reads a body that nobody wants, within bounds: a client that still sends when the connection is closed under it may never
/// see its answer.
pub async fn discard<B>(mut body: B)
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
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
    use http_body_util::StreamBody;
    use proptest::prelude::*;

    fn chunks(sizes: &[usize]) -> impl http_body::Body<Data = Bytes, Error = BodyError> + Unpin + use<> {
        let frames: Vec<_> = sizes.iter().map(|size| Ok::<_, BodyError>(Frame::data(Bytes::from(vec![0; *size])))).collect();
        StreamBody::new(stream::iter(frames))
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
