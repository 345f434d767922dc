//! One request and its response, on their way between a connection and the router.

use std::convert::Infallible;
use std::future;
use std::net::SocketAddr;
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
use super::host;
use super::min_rate::MinRate;
use crate::problem::Problem;

/// The response is handed to the connection in chunks of this size, so that the rest is freed as soon as its client
/// has gone.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// Bodies up to this size are not counted: a connection's own buffers hold about as much.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;

/// The address of a request's client.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// A router that keeps a connection's slot informed of what the server waits for.
pub(crate) struct OneRequest {
    router: TowerToHyperService<Router>,
    slot: Arc<Slot>,
    peer: SocketAddr,
    body_timeout: Duration,
}

impl OneRequest {
    pub(crate) fn new(
        router: Router,
        slot: Arc<Slot>,
        peer: SocketAddr,
        body_timeout: Duration,
    ) -> Self {
        Self { router: TowerToHyperService::new(router), slot, peer, body_timeout }
    }
}

impl Service<hyper::Request<Incoming>> for OneRequest {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let slot = Arc::clone(&self.slot);
        slot.request_started();
        let (head, body) = request.into_parts();
        if let Err(refused) = host::check(&head) {
            tracing::debug!(status = %refused.status(), "the head of a request was refused");
            slot.response_ready();
            return Box::pin(future::ready(Ok(*refused)));
        }
        let mut request: Request = hyper::Request::from_parts(head, body).map(|body| {
            if body.is_end_stream() {
                return Body::empty();
            }
            Body::new(ReceivedBody {
                body,
                slot: Arc::clone(&slot),
                rate: MinRate::new(self.body_timeout),
            })
        });
        request.extensions_mut().insert(Arc::clone(&slot));
        request.extensions_mut().insert(Peer(self.peer));
        let responding = self.router.call(request);
        Box::pin(async move {
            let response = responding.await;
            slot.response_ready();
            response
        })
    }
}

/// A request's body; the slot knows while the server waits for it.
struct ReceivedBody {
    body: Incoming,
    slot: Arc<Slot>,
    rate: MinRate,
}

impl HttpBody for ReceivedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Self { body, slot, rate } = &mut *self;
        let polled = Pin::new(&mut *body).poll_frame(context);
        match &polled {
            Poll::Pending => slot.wait_for_body(rate.wait()),
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                rate.moved(data.map_or(0, Bytes::len));
                // A client that sends single bytes is still stalling.
                if !rate.is_behind() || data.is_none() || body.is_end_stream() {
                    slot.body_arrived();
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

/// The bytes to count for a body, or a piece of one.
pub(crate) const fn counted(bytes: usize) -> usize {
    if bytes <= SMALL_BYTES { 0 } else { bytes }
}

/// Reserves memory for a response until it is sent; without room for it, the response becomes a 503. A response whose
/// length is not known yet is read while it is sent, and reserves what it needs itself.
pub(crate) fn reserve(response: Response, slot: &Arc<Slot>) -> Response {
    let Some(bytes) = response.body().size_hint().exact() else { return response };
    let bytes = counted(usize::try_from(bytes).unwrap_or(usize::MAX));
    // This releases what the request held.
    match slot.reserve(bytes) {
        Ok(()) if bytes == 0 => response,
        Ok(()) => response.map(|body| {
            Body::new(HeldResponse { body, next: Bytes::new(), slot: Arc::clone(slot) })
        }),
        Err(full) => {
            let _ = slot.reserve(0);
            Problem::from(full).into_response()
        }
    }
}

/// A response in chunks, which releases its memory when dropped.
struct HeldResponse {
    body: Body,
    next: Bytes,
    slot: Arc<Slot>,
}

impl HttpBody for HeldResponse {
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
        let count = self.next.len().min(CHUNK_BYTES);
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

impl Drop for HeldResponse {
    fn drop(&mut self) {
        // Reserving less never fails.
        let _ = self.slot.reserve(0);
    }
}
