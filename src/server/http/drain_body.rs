//! What of a request's body nobody read is taken and dropped after the answer: then the connection stays for the next request, and a
//! client that is still sending is not cut off before it reads.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http::HeaderMap;
use http::header::EXPECT;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

/// Most bytes that are taken for nothing.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest time that they are waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The body of a request, with an eye on what is left of it.
pub(in crate::server) struct DrainedBody {
    body: Option<Incoming>,
    /// Nothing is to be taken after the answer.
    done: bool,
}

impl DrainedBody {
    /// Watches the body of a request with these headers.
    pub(in crate::server) fn new(body: Incoming, headers: &HeaderMap) -> Self {
        // Whoever waits to be asked for the body does not send it once there is an answer.
        let done = body.is_end_stream() || headers.contains_key(EXPECT);
        Self { body: Some(body), done }
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
        self.done = matches!(polled, Poll::Ready(None | Some(Err(_))));
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
        let Some(body) = self.body.take().filter(|body| !self.done && !body.is_end_stream()) else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async { tokio::time::timeout(PATIENCE, discard(body)).await });
        }
    }
}

async fn discard(mut body: Incoming) {
    let mut left = BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}
