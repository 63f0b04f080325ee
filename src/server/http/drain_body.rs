//! Reads and discards the rest of a request's body after the response was sent.
//!
//! The connection can then serve the next request, and a client that is still sending is not cut off before it reads the response.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

/// Maximum number of body bytes that are read and discarded.
const DRAIN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Maximum time for reading and discarding the rest of a body.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// The body of a request. When it is dropped, the unread rest is read and discarded.
pub(in crate::server) struct DrainedBody {
    body: Option<Incoming>,
    /// Whether nothing is left to read, or the client will not send the body.
    is_done: bool,
}

impl DrainedBody {
    pub(in crate::server) fn new(body: Incoming, headers: &HeaderMap) -> Self {
        // A client that sent `Expect: 100-continue` does not send the body once it has a final response (RFC 9110, 10.1.1).
        let is_done = body.is_end_stream() || headers.contains_key(EXPECT);
        Self { body: Some(body), is_done }
    }
}

impl Body for DrainedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        self.is_done = matches!(polled, Poll::Ready(None | Some(Err(_))));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for DrainedBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !self.is_done && !body.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async { tokio::time::timeout(DRAIN_TIMEOUT, discard(body)).await });
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut left = DRAIN_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}
