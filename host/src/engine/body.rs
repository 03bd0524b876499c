//! The body of a component's response, as it streams.

use super::fault::Flight;
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::WasiBody;

/// Ends well only where the component ended it: when the instance dies first, the body ends with an error.
pub struct Body {
    inner: WasiBody,
    flight: Arc<Flight>,
}

/// Why a body ended before its end.
type Error = Box<dyn std::error::Error + Send + Sync>;

impl Body {
    pub(super) fn new(inner: WasiBody, flight: Arc<Flight>) -> Self {
        Self { inner, flight }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(match frame {
            Some(frame) => Some(frame.map_err(|error| format!("the component's body: {error:?}").into())),
            None => match self.flight.failed() {
                Some(fault) => Some(Err(fault.into())),
                None => {
                    self.flight.land();
                    None
                }
            },
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && self.flight.failed().is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if self.is_end_stream() {
            self.flight.land();
        }
    }
}
