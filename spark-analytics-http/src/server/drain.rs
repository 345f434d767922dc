//! The rest of a request's body once its response is ready. Many clients look for a response only after they have
//! sent everything, and would otherwise see a closed connection.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A body announced to be at most this long fits into the buffers on its way.
const SMALL_BYTES: u64 = 64 * 1024;

/// The body of a request that may be answered before all of it has arrived.
pub(crate) struct Unread(oneshot::Receiver<Body>);

/// Keeps the body of a request, unless it is small, so that it can be drained after the response.
pub(crate) fn watch(request: Request) -> (Request, Option<Unread>) {
    if request.body().size_hint().upper().is_some_and(|bytes| bytes <= SMALL_BYTES) {
        return (request, None);
    }
    // With `Expect: 100-continue`, a client sends nothing before the body is read.
    let is_arriving = !request.headers().contains_key(header::EXPECT);
    let (give_back, unread) = oneshot::channel();
    let request =
        request.map(|body| Body::new(Lent { body, is_arriving, give_back: Some(give_back) }));
    (request, Some(Unread(unread)))
}

impl Unread {
    /// Reads and discards the rest in the background, for at most `within` and up to `limit` bytes.
    pub(crate) fn drain(mut self, limit: u64, within: Duration) {
        let Ok(body) = self.0.try_recv() else { return };
        if body.size_hint().lower() > limit {
            return;
        }
        tokio::spawn(timeout(within, async move {
            let mut pieces = body.into_data_stream();
            let mut read = 0;
            while read <= limit
                && let Some(Ok(piece)) = pieces.next().await
            {
                read += piece.len() as u64;
            }
        }));
    }
}

/// A body that is given back when it is dropped before its end.
struct Lent {
    body: Body,
    is_arriving: bool,
    give_back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_arriving = true;
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.give_back = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(give_back) = self.give_back.take()
            && self.is_arriving
        {
            let _ = give_back.send(mem::take(&mut self.body));
        }
    }
}
