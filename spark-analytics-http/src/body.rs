//! A request's body: what it says it is, and reading it within bounds of size and time.

use std::pin::Pin;
use std::time::Duration;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio::time::timeout;
use tokio_util::io::StreamReader;

use crate::problem::Problem;

/// How much of a batch is decompressed at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// zstd may ask for a window of this power of two: 8 MiB, what its levels up to 19 use.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Whether a body is JSON or lines of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    Json,
    Lines,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// What `Content-Type` says; JSON if nothing.
pub(crate) fn media(headers: &HeaderMap) -> Result<Media, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Media::Json) };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    let is = |name: &str| essence.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
    if is("application/json") {
        Ok(Media::Json)
    } else if is("application/x-ndjson") || is("application/ndjson") || is("application/jsonl") {
        Ok(Media::Lines)
    } else {
        Err(unsupported(
            "Content-Type",
            value.as_bytes(),
            "application/json or, for a batch, application/x-ndjson",
        ))
    }
}

/// What `Content-Encoding` says.
pub(crate) fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(Encoding::Identity) };
    let is = |name: &str| value.as_bytes().eq_ignore_ascii_case(name.as_bytes());
    match values.next() {
        None if is("identity") => Ok(Encoding::Identity),
        None if is("gzip") || is("x-gzip") => Ok(Encoding::Gzip),
        None if is("zstd") => Ok(Encoding::Zstd),
        _ => Err(unsupported(
            "Content-Encoding",
            value.as_bytes(),
            "gzip or zstd, one of them, and that only for a batch",
        )),
    }
}

/// The answer to a header whose value is not served.
pub(crate) fn unsupported(header: &str, value: &[u8], use_instead: &str) -> Problem {
    let value = String::from_utf8_lossy(&value[..value.len().min(100)]);
    let detail = format!("{header} `{value}` is not taken; use {use_instead}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

/// A whole body of at most `limit` bytes that comes within `wait`.
pub(crate) async fn whole(
    request: Request,
    limit: usize,
    wait: Duration,
) -> Result<Bytes, Problem> {
    let mut pieces = announced(request, limit, wait).await?.into_data_stream();
    let reading = async {
        let first = pieces.next().await.transpose().map_err(|error| broken(&error))?;
        let first = first.unwrap_or_default();
        let mut rest = Vec::new();
        while first.len() + rest.len() <= limit {
            match pieces.next().await.transpose().map_err(|error| broken(&error))? {
                Some(piece) => rest.extend_from_slice(&piece),
                None if rest.is_empty() => return Ok(first),
                None => return Ok([&first[..], &rest].concat().into()),
            }
        }
        linger(&mut pieces, wait).await;
        Err(too_large(limit))
    };
    timeout(wait, reading).await.map_err(|_| too_slow(wait))?
}

/// A body that is decompressed while it comes.
pub(crate) struct Pieces {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    buffer: Vec<u8>,
    wait: Duration,
    read: usize,
    limit: usize,
}

impl Pieces {
    /// A body of at most `limit` bytes, after decompression as well as before, each piece of which comes
    /// within `wait`.
    pub(crate) async fn new(
        request: Request,
        encoding: Encoding,
        limit: usize,
        wait: Duration,
    ) -> Result<Self, Problem> {
        let body = announced(request, limit, wait).await?;
        let sent = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
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
        Ok(Self { reader, buffer: vec![0; PIECE_BYTES], wait, read: 0, limit })
    }

    /// The next bytes; none at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<&[u8], Problem> {
        let reading = timeout(self.wait, self.reader.read(&mut self.buffer)).await;
        let count = reading.map_err(|_| too_slow(self.wait))?.map_err(|error| broken(&error))?;
        self.read += count;
        if self.read > self.limit {
            return Err(too_large(self.limit));
        }
        Ok(&self.buffer[..count])
    }
}

/// The body, unless its announced length is over the limit.
async fn announced(request: Request, limit: usize, wait: Duration) -> Result<Body, Problem> {
    let (head, body) = request.into_parts();
    if body.size_hint().lower() <= limit as u64 {
        return Ok(body);
    }
    // A client that expects an answer first gets it first.
    if !head.headers.contains_key(header::EXPECT) {
        linger(&mut body.into_data_stream(), wait).await;
    }
    Err(too_large(limit))
}

/// Reads what is not taken for as long as a body may take: many clients look for an answer only when
/// they have sent everything, and would see nothing but a closed connection.
async fn linger(pieces: &mut BodyDataStream, wait: Duration) {
    let _ = timeout(wait, async { while let Some(Ok(_)) = pieces.next().await {} }).await;
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
