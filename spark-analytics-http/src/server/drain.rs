//! What is left of a request's body when its answer is there: many clients look for an answer only when
//! they have sent everything, and would see nothing but a closed connection.

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

/// A body that is announced as no longer than this fits into the buffers on its way.
const SMALL_BYTES: u64 = 64 * 1024;

/// The body of a request that may be answered before all of it has come.
pub(crate) struct Left(oneshot::Receiver<Body>);

/// Looks after the body of a request unless it is small.
pub(crate) fn watch(request: Request) -> (Request, Option<Left>) {
    if request.body().size_hint().upper().is_some_and(|bytes| bytes <= SMALL_BYTES) {
        return (request, None);
    }
    // A client that asks first sends nothing before something is read.
    let is_coming = !request.headers().contains_key(header::EXPECT);
    let (back, left) = oneshot::channel();
    let request = request.map(|body| Body::new(Lent { body, is_coming, back: Some(back) }));
    (request, Some(Left(left)))
}

impl Left {
    /// Reads on, while the answer is sent, for as long as `wait` and up to `limit` bytes.
    pub(crate) fn drain(mut self, limit: u64, wait: Duration) {
        let Ok(body) = self.0.try_recv() else { return };
        if body.size_hint().lower() > limit {
            return;
        }
        tokio::spawn(timeout(wait, async move {
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

/// A body that goes back when it is dropped before its end.
struct Lent {
    body: Body,
    is_coming: bool,
    back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_coming = true;
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.back = None;
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
        if let Some(back) = self.back.take()
            && self.is_coming
        {
            let _ = back.send(mem::take(&mut self.body));
        }
    }
}
