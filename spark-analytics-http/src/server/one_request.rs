//! A request and its answer, as they pass between a connection and the router.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::connections::Slot;
use super::min_rate::Pace;
use crate::problem::Problem;

/// What is at most given to a connection at a time: it drops the rest as soon as its client has gone.
const PIECE_BYTES: usize = 64 * 1024;
/// A connection's own buffers hold about as much.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;

/// A router that tells a connection's slot what it waits for.
pub(crate) struct Exchange {
    router: TowerToHyperService<Router>,
    slot: Arc<Slot>,
    body_timeout: Duration,
}

impl Exchange {
    pub(crate) fn new(router: Router, slot: Arc<Slot>, body_timeout: Duration) -> Self {
        Self { router: TowerToHyperService::new(router), slot, body_timeout }
    }
}

impl Service<hyper::Request<Incoming>> for Exchange {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let slot = Arc::clone(&self.slot);
        slot.works();
        let mut request: Request = request.map(|body| {
            if body.is_end_stream() {
                return Body::empty();
            }
            Body::new(Asked { body, slot: Arc::clone(&slot), pace: Pace::new(self.body_timeout) })
        });
        request.extensions_mut().insert(Arc::clone(&slot));
        let answering = self.router.call(request);
        Box::pin(async move {
            let response = answering.await;
            slot.has_answered();
            response
        })
    }
}

/// A request's body, whose client is waited for.
struct Asked {
    body: Incoming,
    slot: Arc<Slot>,
    pace: Pace,
}

impl HttpBody for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, slot, pace } = &mut *self;
        let polled = Pin::new(&mut *body).poll_frame(context);
        match &polled {
            Poll::Pending => slot.waits_for_body(pace.waits()),
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                pace.moves(data.map_or(0, Bytes::len));
                // Whoever sends bytes one by one keeps the server waiting still.
                if !pace.is_behind() || data.is_none() || body.is_end_stream() {
                    slot.has_read();
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer that its connection holds until it is sent, or 503 if it cannot.
pub(crate) fn hold(response: Response, slot: &Arc<Slot>) -> Response {
    let bytes = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
    let is_small = bytes <= SMALL_BYTES;
    // Whatever the request held it does no more.
    match slot.hold(if is_small { 0 } else { bytes }) {
        Ok(()) if is_small => response,
        Ok(()) => response
            .map(|body| Body::new(Answer { body, next: Bytes::new(), slot: Arc::clone(slot) })),
        Err(full) => {
            let _ = slot.hold(0);
            Problem::from(full).into_response()
        }
    }
}

/// An answer in pieces.
struct Answer {
    body: Body,
    next: Bytes,
    slot: Arc<Slot>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.next.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.next = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let count = self.next.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.next.split_to(count)))))
    }

    fn is_end_stream(&self) -> bool {
        self.next.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let next = self.next.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + next);
        }
        hint.set_lower(hint.lower() + next);
        hint
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // Nothing is too much for less.
        let _ = self.slot.hold(0);
    }
}
