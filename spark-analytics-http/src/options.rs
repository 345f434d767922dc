//! The options of the API.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::access::Access;
use crate::access::hosts::Hosts;
use crate::access::origins::Origin;

/// Access and limits of an [`Api`](crate::Api). They hold wherever its router is served.
///
/// ```
/// use std::time::Duration;
///
/// use spark_analytics_http::ApiOptions;
///
/// let options =
///     ApiOptions::default().batch_bytes(256 << 20).body_timeout(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct ApiOptions {
    pub(crate) access: Option<Access>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) hosts: Option<Hosts>,
    pub(crate) event_bytes: usize,
    pub(crate) batch_bytes: usize,
    pub(crate) batch_events: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) cheap_reads: usize,
    pub(crate) expensive_reads: usize,
    pub(crate) read_wait: Duration,
}

impl Default for ApiOptions {
    fn default() -> Self {
        Self {
            access: None,
            origins: Vec::new(),
            hosts: None,
            event_bytes: 1 << 20,
            batch_bytes: 64 << 20,
            batch_events: 1_000_000,
            body_timeout: Duration::from_secs(30),
            cheap_reads: 8,
            expensive_reads: (available_parallelism().map_or(1, NonZero::get) / 2).clamp(1, 2),
            read_wait: Duration::from_secs(5),
        }
    }
}

impl ApiOptions {
    /// Who may call the API: holders of a token, or everyone (the default). `/`, `/health`, `/ready`, `/docs` and
    /// the OpenAPI document never require a token.
    pub fn access(self, access: Access) -> Self {
        Self { access: Some(access), ..self }
    }

    /// Origins allowed to call the API from a browser (CORS), none by default. Other origins cannot read
    /// responses, and their writes are refused with 403. Same-origin pages and clients other than browsers are
    /// always allowed.
    pub fn origins(self, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { origins: origins.into_iter().collect(), ..self }
    }

    /// The hosts for which the API answers, any by default. Set them where no token is required and people browse.
    pub fn hosts(self, hosts: Hosts) -> Self {
        Self { hosts: Some(hosts), ..self }
    }

    /// Maximum body of `POST /api/v1/logs/ingest` in bytes, 1 MiB by default.
    pub const fn event_bytes(mut self, bytes: usize) -> Self {
        self.event_bytes = bytes;
        self
    }

    /// Maximum body of `POST /api/v1/logs/batch` in bytes after decompression, 64 MiB by default.
    pub const fn batch_bytes(mut self, bytes: usize) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// Maximum number of events in a batch, 1,000,000 by default. It bounds the response, which has an entry for
    /// each event; a batch of valid events within the default size does not come near it. A batch may have at
    /// most [`MAX_REJECTED`](spark_analytics_core::MAX_REJECTED) rejected elements, whatever this is.
    pub const fn batch_events(mut self, events: usize) -> Self {
        self.batch_events = events;
        self
    }

    /// How long the server waits for a request body, 30 s by default: for a single event, the whole body; for a
    /// batch, each chunk, and the whole body if its average rate falls below 4 KiB/s.
    pub const fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }
    /// How many cheap reads may be under way at the same time, 8 by default: a job, an application, the summary of up
    /// to 31 days of all users with at most 1,000 jobs, and short lists without filters.
    pub const fn cheap_reads(mut self, reads: usize) -> Self {
        self.cheap_reads = reads;
        self
    }

    /// How many other reads may be under way at the same time: by default one for two cores, at most 2. Keep it below
    /// the number of the store's connections for reading, so that cheap reads always find one. A list is read in
    /// pieces, of which each is a read.
    pub const fn expensive_reads(mut self, reads: usize) -> Self {
        self.expensive_reads = reads;
        self
    }

    /// How long a read may wait for its permit before it is answered with 503, 5 s by default. A list ends early if all
    /// its pieces together have waited that long.
    pub const fn read_wait(mut self, wait: Duration) -> Self {
        self.read_wait = wait;
        self
    }
}
