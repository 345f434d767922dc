//! A queue that takes events in place of the store.

use std::fmt;

use crate::event::Event;
use async_trait::async_trait;

/// Where events wait for those who store them: RabbitMQ, for one. Given to
/// an HTTP API, so that events are taken while the store is down.
///
/// ```
/// use std::sync::mpsc::{SyncSender, TrySendError};
///
/// use spark_analytics_core::{Event, NotQueued, Queue};
///
/// /// Of this process alone, and so gone with it: no more than an example.
/// #[derive(Debug)]
/// struct Channel(SyncSender<Vec<Event>>);
///
/// #[async_trait::async_trait]
/// impl Queue for Channel {
///     async fn publish(&self, events: Vec<Event>) -> Result<(), NotQueued> {
///         self.0.try_send(events).map_err(|error| match error {
///             TrySendError::Full(_) => NotQueued::new("the channel is full"),
///             TrySendError::Disconnected(_) => NotQueued::new("nobody takes events from the channel"),
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
    /// Puts events into the queue. When it returns `Ok` they are there to stay: they survive a restart of the
    /// queue's server and of this process.
    ///
    /// It must not wait for ever: a client waits for it. It should bound how much is under way at once, too.
    ///
    /// # Errors
    /// [`NotQueued`]; some of the events may be in the queue all the same, and sending all of them again is safe.
    async fn publish(&self, events: Vec<Event>) -> Result<(), NotQueued>;

    /// Whether the queue takes events now.
    ///
    /// # Errors
    /// [`NotQueued`] with the reason why not.
    async fn check(&self) -> Result<(), NotQueued>;
}

/// Why events were not put into a queue; the client is told to send them again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NotQueued(String);

impl NotQueued {
    /// For a reason that names the queue and says what is wrong with it.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for NotQueued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no event can be queued now: {}", self.0)
    }
}

impl std::error::Error for NotQueued {}
