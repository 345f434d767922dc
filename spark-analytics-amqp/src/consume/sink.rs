//! Storing and dead-lettering messages, retried until it succeeds.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use lapin::Channel;
use lapin::options::BasicAckOptions;
use lapin::types::{AMQPValue, FieldTable};
use metrics::counter;
use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{Event, LogReceipt, Receipt, Rejection, Store};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::broker::{DEAD, QUEUE, REASON};
use crate::publish::Publisher;

/// The state that all consumers share.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) stop: CancellationToken,
}

/// Cuts a reason to size: all headers of a message share one frame, and a URI may be long.
fn cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)]
}

const MAX_REASON_BYTES: usize = 2_000;

fn count(queue: &'static str, outcome: &'static str, messages: usize) {
    let labels = [("queue", queue), ("outcome", outcome)];
    counter!("spark_analytics_messages_total", &labels).increment(messages as u64);
}

/// Why messages were left to be delivered again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Left {
    #[error("the connection is lost: {0}")]
    Lost(#[from] lapin::Error),
    #[error("the broker ended the consumer")]
    Ended,
    #[error("the worker stops")]
    Stopping,
}

impl Sink {
    pub(crate) async fn ingest(
        &self,
        link: &Channel,
        events: &[Event],
    ) -> Result<Vec<Receipt>, Left> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.until_done(link, "events were not stored", || self.store.ingest(events.to_vec())).await
    }

    pub(crate) async fn ingest_logs(
        &self,
        link: &Channel,
        logs: &[LogSnapshot],
        sources: &[LogSource],
    ) -> Result<Vec<LogReceipt>, Left> {
        let ingest = || self.store.ingest_logs(logs.to_vec(), sources.to_vec());
        self.until_done(link, "event logs were not stored", ingest).await
    }

    pub(crate) async fn reject(
        &self,
        link: &Channel,
        rejections: &[Rejection],
    ) -> Result<(), Left> {
        if rejections.is_empty() {
            return Ok(());
        }
        let reject = || self.store.reject(rejections.to_vec());
        self.until_done(link, "rejected input was not kept", reject).await
    }

    /// Publishes a message that came from `queue` to the queue of dead letters.
    pub(crate) async fn dead_letter(
        &self,
        link: &Channel,
        queue: &'static str,
        body: &[u8],
        reason: &str,
    ) -> Result<(), Left> {
        let reason = cut(reason);
        let publish = || {
            let mut headers = FieldTable::default();
            for (header, value) in [(REASON, reason), (QUEUE, queue)] {
                headers.insert(header.into(), AMQPValue::LongString(value.into()));
            }
            self.publisher.send(DEAD, body.to_vec(), headers)
        };
        self.until_done(link, "a message was not dead-lettered", publish).await?;
        count(queue, "dead_lettered", 1);
        Ok(())
    }

    /// Acknowledges all deliveries of a channel up to `delivery_tag`; `messages` is their number.
    pub(crate) async fn acknowledge(
        &self,
        link: &Channel,
        queue: &'static str,
        delivery_tag: u64,
        messages: usize,
    ) -> Result<(), Left> {
        link.basic_ack(delivery_tag, BasicAckOptions { multiple: true }).await?;
        count(queue, "acknowledged", messages);
        Ok(())
    }

    /// Retries until `attempt` succeeds, the worker stops, or the connection is lost: the broker then
    /// delivers the messages to another consumer.
    async fn until_done<T, E: fmt::Display, F: Future<Output = Result<T, E>>>(
        &self,
        link: &Channel,
        what: &'static str,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Left> {
        let mut backoff = Backoff::new();
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            if self.stop.is_cancelled() {
                tracing::warn!(%error, "{what}; the messages stay in their queue");
                return Err(Left::Stopping);
            }
            tracing::warn!(%error, "{what}, trying again");
            tokio::select! {
                () = backoff.wait() => {}
                () = self.stop.cancelled() => {}
            }
            if !link.status().connected() {
                return Err(Left::Ended);
            }
        }
    }
}
