//! Reading the body of a request within limits of size and time.

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
use crate::server::min_rate::MinRate;
use crate::server::one_request::SMALL_BYTES;

/// How much of a batch is decompressed at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// The largest window that zstd may require, as a power of two: 8 MiB, which its levels up to 19 use.
const ZSTD_WINDOW_LOG: u32 = 23;
/// Memory of a decoder: for zstd, the window and what surrounds it.
const ZSTD_BYTES: usize = (1 << ZSTD_WINDOW_LOG) + 512 * 1024;
const GZIP_BYTES: usize = 64 * 1024;

/// A body that was read as a whole.
pub(crate) struct Received {
    /// All that was received, even if reading failed.
    pub(crate) bytes: Bytes,
    /// Whether the body was read to its end, or why not.
    pub(crate) end: Result<(), Problem>,
}

/// Reads a body of at most `limit` bytes, within the timeout.
pub(crate) async fn whole(request: Request, limit: usize, within: Duration) -> Received {
    let slot = request.extensions().get::<Arc<Slot>>().cloned();
    let (body, is_over) = announced(request, limit);
    let mut chunks = body.into_data_stream();
    let (mut first, mut rest) = (Bytes::new(), Vec::new());
    let reading = async {
        let unreadable = |error| unreadable(&error);
        first = chunks.next().await.transpose().map_err(unreadable)?.unwrap_or_default();
        while !is_over && first.len() + rest.len() <= limit {
            match chunks.next().await.transpose().map_err(unreadable)? {
                Some(chunk) => rest.extend_from_slice(&chunk),
                None => return Ok(()),
            }
            if let Some(slot) = &slot
                && rest.len() > SMALL_BYTES
            {
                slot.reserve(first.len() + rest.capacity())?;
            }
        }
        Err(too_large(limit))
    };
    let end = match timeout(within, reading).await {
        _ if is_over => Err(too_large(limit)),
        Ok(end) => end,
        Err(_) => Err(too_slow(within)),
    };
    let bytes = if rest.is_empty() { first } else { [&first[..], &rest].concat().into() };
    Received { bytes, end }
}

/// A body that is decompressed while it arrives.
pub(crate) struct Chunks {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    buffer: Vec<u8>,
    head: Vec<u8>,
    timeout: Duration,
    own_bytes: usize,
    read: usize,
    limit: usize,
    /// Whether the announced length exceeds the limit.
    is_over: bool,
}

impl Chunks {
    /// A body of at most `limit` bytes, both before and after decompression, that keeps the [`MinRate`] of `timeout`.
    pub(crate) fn new(
        request: Request,
        encoding: Encoding,
        limit: usize,
        timeout: Duration,
    ) -> Self {
        let (body, is_over) = announced(request, limit);
        let sent = StreamReader::new(Box::pin(timed(body.into_data_stream(), timeout)));
        // The limit applies to the compressed size too: input that decompresses to nothing could be endless.
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
        let own_bytes = 2 * CHUNK_BYTES
            + match encoding {
                Encoding::Identity => 0,
                Encoding::Gzip => GZIP_BYTES,
                Encoding::Zstd => ZSTD_BYTES,
            };
        let (buffer, head) = (vec![0; CHUNK_BYTES], Vec::new());
        Self { reader, buffer, head, timeout, own_bytes, read: 0, limit, is_over }
    }

    /// The next bytes; empty at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<&[u8], Problem> {
        let chunk = match self.reader.read(&mut self.buffer).await {
            Ok(count) => &self.buffer[..count],
            Err(_) if self.is_over => &[],
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(too_slow(self.timeout));
            }
            Err(error) => return Err(unreadable(&error)),
        };
        let missing = MAX_REJECTED_BYTES - self.head.len();
        self.head.extend_from_slice(&chunk[..chunk.len().min(missing)]);
        self.read += chunk.len();
        if self.is_over || self.read > self.limit {
            return Err(too_large(self.limit));
        }
        Ok(chunk)
    }

    /// The memory that reading takes.
    pub(crate) const fn own_bytes(&self) -> usize {
        self.own_bytes
    }

    /// The beginning of the body, to keep if the body is rejected.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }
}

/// The chunks of a body until its client falls behind the minimum rate.
fn timed(
    chunks: BodyDataStream,
    timeout: Duration,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((chunks, MinRate::new(timeout)), async |(mut chunks, mut rate)| {
        let next = timeout_at(rate.wait(), chunks.next()).await?;
        let Some(chunk) = next.transpose().map_err(io::Error::other)? else { return Ok(None) };
        rate.moved(chunk.len());
        Ok(Some((chunk, (chunks, rate))))
    })
}

/// The body, and whether its announced length exceeds the limit. In that case, a client that waits for
/// `100 Continue` is not asked to send it.
fn announced(request: Request, limit: usize) -> (Body, bool) {
    let is_over = request.body().size_hint().lower() > limit as u64;
    let is_held_back = request.headers().contains_key(header::EXPECT);
    (if is_over && is_held_back { Body::empty() } else { request.into_body() }, is_over)
}

fn too_large(limit: usize) -> Problem {
    Problem::too_large("the body", limit, "bytes")
}

fn too_slow(within: Duration) -> Problem {
    let detail = format!("the body did not arrive within {} s", within.as_secs_f64());
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}

fn unreadable(error: &dyn std::error::Error) -> Problem {
    Problem::bad_request(format!("the body cannot be read to its end: {error}"))
}
