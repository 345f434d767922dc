//! What a server bounds.

use std::time::Duration;

use crate::{Access, Origin};

/// The limits of [`router`](crate::router) and [`serve`](crate::serve).
///
/// ```
/// let mut options = spark_analytics_http::Options::default();
/// options.batch_bytes = 256 * 1024 * 1024;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Whose requests are answered: those with a token, or by default all. What tells nothing of any job needs
    /// none: `/`, `/health`, `/ready`, `/docs` and the OpenAPI document.
    pub access: Option<Access>,
    /// The sites whose pages may ask from a browser, by default none: they have no answer to read, and what they
    /// ask to change is refused with 403. Pages of the server itself may, and what is no browser.
    pub origins: Vec<Origin>,
    /// The longest body of `POST /api/v1/logs/ingest` in bytes, 1 MiB by default.
    pub event_bytes: usize,
    /// The longest body of `POST /api/v1/logs/batch` in bytes after decompression, 64 MiB by default.
    pub batch_bytes: usize,
    /// The most events in a batch, 1,000,000 by default: it bounds the answer, which has a line for
    /// each. No batch of whole events within the default size comes near it. Of elements that are
    /// rejected a batch has at most [`MAX_REJECTED`](spark_analytics_core::MAX_REJECTED), whatever this is.
    pub batch_events: usize,
    /// How long a body may keep the server waiting, 30 s by default: a single event's for all of it, a
    /// batch's for the next piece, and for all of it if on average it comes slower than 4 KiB a second.
    pub body_timeout: Duration,
    /// How long a connection may take to send a request's head, and how long it may idle before the
    /// next one, 30 s by default.
    pub header_timeout: Duration,
    /// How long a client may keep the server waiting that does not take its answer, 30 s by default: for
    /// the next piece, and for all of it if on average it takes less than 4 KiB a second.
    pub write_timeout: Duration,
    /// The most connections at once, 900 by default, so that they and the store fit into the 1,024 open
    /// files that a process usually has; at most 65,536. For one more that one is closed which has kept the
    /// server waiting longest, idle or amid what it sends or takes. A connection for which the server is
    /// at work is not; if all are, one more waits.
    pub connections: usize,
    /// The most bytes that bodies under way and answers that are not taken hold together, 256 MiB by
    /// default. For more the connection is closed that holds some of it and has kept the server waiting
    /// longest; if the server is at work for all of them, what asks for more is answered with 503. What is
    /// below 16 KiB a connection is not counted.
    pub held_bytes: usize,
    /// How long requests under way may go on after the server was told to stop, 10 s by default.
    pub shutdown_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            access: None,
            origins: Vec::new(),
            event_bytes: 1 << 20,
            batch_bytes: 64 << 20,
            batch_events: 1_000_000,
            body_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            connections: 900,
            held_bytes: 256 << 20,
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}
