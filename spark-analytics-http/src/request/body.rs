//! A request's body: what it says it is, and reading it within bounds of size and time.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use futures_util::{Stream, StreamExt, stream};
use spark_analytics_core::MAX_REJECTED_BYTES;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::time::{timeout, timeout_at};
use tokio_util::io::StreamReader;

use crate::problem::Problem;
use crate::request::encoding::Encoding;
use crate::server::connections::Slot;
use crate::server::min_rate::Pace;
use crate::server::one_request::SMALL_BYTES;

/// How much of a batch is decompressed at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// zstd may ask for a window of this power of two: 8 MiB, what its levels up to 19 use.
const ZSTD_WINDOW_LOG: u32 = 23;
/// What decompressing takes: the window, and what is about it.
const ZSTD_BYTES: usize = (1 << ZSTD_WINDOW_LOG) + 512 * 1024;
const GZIP_BYTES: usize = 64 * 1024;

/// A body of at most `limit` bytes that comes within `wait`: what came of it, and why that is not all.
pub(crate) async fn whole(
    request: Request,
    limit: usize,
    wait: Duration,
) -> (Bytes, Result<(), Problem>) {
    let slot = request.extensions().get::<Arc<Slot>>().cloned();
    let (body, is_over) = announced(request, limit);
    let mut pieces = body.into_data_stream();
    let (mut first, mut rest) = (Bytes::new(), Vec::new());
    let reading = async {
        let broken = |error| broken(&error);
        first = pieces.next().await.transpose().map_err(broken)?.unwrap_or_default();
        while !is_over && first.len() + rest.len() <= limit {
            match pieces.next().await.transpose().map_err(broken)? {
                Some(piece) => rest.extend_from_slice(&piece),
                None => return Ok(()),
            }
            if let Some(slot) = &slot
                && rest.len() > SMALL_BYTES
            {
                slot.hold(first.len() + rest.capacity())?;
            }
        }
        Err(too_large(limit))
    };
    let read = match timeout(wait, reading).await {
        _ if is_over => Err(too_large(limit)),
        Ok(read) => read,
        Err(_) => Err(too_slow(wait)),
    };
    (if rest.is_empty() { first } else { [&first[..], &rest].concat().into() }, read)
}

/// A body that is decompressed while it comes.
pub(crate) struct Pieces {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    buffer: Vec<u8>,
    head: Vec<u8>,
    wait: Duration,
    own_bytes: usize,
    read: usize,
    limit: usize,
    /// Whether the announced length is over the limit.
    is_over: bool,
}

impl Pieces {
    /// A body of at most `limit` bytes, after decompression as well as before, that keeps the [`Pace`] of `wait`.
    pub(crate) fn new(request: Request, encoding: Encoding, limit: usize, wait: Duration) -> Self {
        let (body, is_over) = announced(request, limit);
        let sent = StreamReader::new(Box::pin(paced(body.into_data_stream(), wait)));
        // What decompresses to nothing could come for ever.
        let sent = BufReader::new(sent.take(limit as u64 + 1));
        let reader: Pin<Box<dyn AsyncRead + Send>> = match encoding {
            Encoding::Identity => Box::pin(sent),
            Encoding::Gzip => {
                let mut decoder = GzipDecoder::new(sent);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
            Encoding::Zstd => {
                let params = [DParameter::window_log_max(ZSTD_WINDOW_LOG)];
                let mut decoder = ZstdDecoder::with_params(sent, &params);
                decoder.multiple_members(true);
                Box::pin(decoder)
            }
        };
        let own_bytes = 2 * PIECE_BYTES
            + match encoding {
                Encoding::Identity => 0,
                Encoding::Gzip => GZIP_BYTES,
                Encoding::Zstd => ZSTD_BYTES,
            };
        let (buffer, head) = (vec![0; PIECE_BYTES], Vec::new());
        Self { reader, buffer, head, wait, own_bytes, read: 0, limit, is_over }
    }

    /// The next bytes; none at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<&[u8], Problem> {
        let piece = match self.reader.read(&mut self.buffer).await {
            Ok(count) => &self.buffer[..count],
            Err(_) if self.is_over => &[],
            Err(error) if error.kind() == ErrorKind::TimedOut => return Err(too_slow(self.wait)),
            Err(error) => return Err(broken(&error)),
        };
        let missing = MAX_REJECTED_BYTES - self.head.len();
        self.head.extend_from_slice(&piece[..piece.len().min(missing)]);
        self.read += piece.len();
        if self.is_over || self.read > self.limit {
            return Err(too_large(self.limit));
        }
        Ok(piece)
    }

    /// How many bytes it needs for itself.
    pub(crate) const fn own_bytes(&self) -> usize {
        self.own_bytes
    }

    /// The body's head, as far as it was read and is kept of what is rejected.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }
}

/// The pieces of a body until one keeps the server waiting too long.
fn paced(pieces: BodyDataStream, wait: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((pieces, Pace::new(wait)), async |(mut pieces, mut pace)| {
        let next = timeout_at(pace.waits(), pieces.next()).await?;
        let Some(piece) = next.transpose().map_err(io::Error::other)? else { return Ok(None) };
        pace.moves(piece.len());
        Ok(Some((piece, (pieces, pace))))
    })
}

/// The body, and whether its announced length is over the limit; then it is not asked for, if the
/// client waits for that.
fn announced(request: Request, limit: usize) -> (Body, bool) {
    let is_over = request.body().size_hint().lower() > limit as u64;
    let waits = request.headers().contains_key(header::EXPECT);
    (if is_over && waits { Body::empty() } else { request.into_body() }, is_over)
}

fn too_large(limit: usize) -> Problem {
    Problem::too_large("the body", limit, "bytes")
}

fn too_slow(wait: Duration) -> Problem {
    let detail = format!("the body did not come within {} s", wait.as_secs_f64());
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}

fn broken(error: &dyn std::error::Error) -> Problem {
    Problem::bad_request(format!("the body cannot be read to its end: {error}"))
}
