//! The options of a server.

use std::time::Duration;

/// Limits of [`serve`](crate::serve), which concern connections rather than the API.
///
/// ```
/// use spark_analytics_http::ServeOptions;
///
/// let options = ServeOptions::default().connections(5_000).held_bytes(1 << 30);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
#[non_exhaustive]
pub struct ServeOptions {
    pub(crate) connections: usize,
    pub(crate) held_bytes: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) shutdown_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            connections: 900,
            held_bytes: 256 << 20,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl ServeOptions {
    /// Maximum number of concurrent connections, 900 by default, which together with the store fits the usual
    /// limit of 1,024 open files; at most 65,536. When the limit is reached, the connection that has been idle
    /// or stalled longest is closed. Connections whose request is being processed are never closed; if all are,
    /// the new connection waits.
    pub const fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Maximum memory for request bodies being received and responses not yet sent, 256 MiB by default. Beyond
    /// it, the longest-stalled connection that holds some of it is closed; if none is stalled, the request is
    /// answered with 503. The first 16 KiB of each connection are not counted.
    pub const fn held_bytes(mut self, bytes: usize) -> Self {
        self.held_bytes = bytes;
        self
    }

    /// How long a connection may take to send the head of a request, and how long it may be idle before the next
    /// one, 30 s by default. A TLS handshake may take as long.
    pub const fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// How long a request body may stall before its connection counts as overdue, 30 s by default; see
    /// [`connections`](Self::connections). Set it to
    /// [`ApiOptions::body_timeout`](crate::ApiOptions::body_timeout), which ends the request.
    pub const fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// How long the server waits for a client that does not read its response, 30 s by default: for each chunk,
    /// and for the whole response if the average rate falls below 4 KiB/s. Then it closes the connection.
    pub const fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// How long requests in progress may continue after shutdown was requested, 10 s by default.
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }
}
