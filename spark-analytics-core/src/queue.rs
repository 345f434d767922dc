//! A queue that accepts events in place of the store.

use std::fmt;

use crate::event::Event;
use async_trait::async_trait;

/// Holds events until a consumer stores them, such as RabbitMQ. An HTTP API with a queue accepts
/// events while the store is down.
///
/// ```
/// use std::sync::mpsc::{SyncSender, TrySendError};
///
/// use spark_analytics_core::{Event, NotQueued, Queue};
///
/// /// Lives in this process only: an example, not a durable queue.
/// #[derive(Debug)]
/// struct Channel(SyncSender<Vec<Event>>);
///
/// #[async_trait::async_trait]
/// impl Queue for Channel {
///     async fn publish(&self, events: Vec<Event>) -> Result<(), NotQueued> {
///         self.0.try_send(events).map_err(|error| match error {
///             TrySendError::Full(_) => NotQueued::new("the channel is full"),
///             TrySendError::Disconnected(_) => NotQueued::new("the channel has no consumer"),
///         })
///     }
///
///     async fn check(&self) -> Result<(), NotQueued> {
///         Ok(())
///     }
/// }
/// ```
#[async_trait]
pub trait Queue: fmt::Debug + Send + Sync + 'static {
    /// Publishes events. When it returns `Ok` they are durable: they survive a restart of the queue's
    /// server and of this process.
    ///
    /// It must not wait indefinitely, since a client waits for it, and should limit how much is in
    /// flight.
    ///
    /// # Errors
    /// [`NotQueued`]; some of the events may have been queued, and publishing all of them again is safe.
    async fn publish(&self, events: Vec<Event>) -> Result<(), NotQueued>;

    /// Checks whether the queue accepts events.
    ///
    /// # Errors
    /// [`NotQueued`] with the reason.
    async fn check(&self) -> Result<(), NotQueued>;
}

/// Why events were not queued; the client should send them again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NotQueued(String);

impl NotQueued {
    /// An error with a reason that names the queue and what is wrong with it.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for NotQueued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "events cannot be queued now: {}", self.0)
    }
}

impl std::error::Error for NotQueued {}
