//! Storing and dead-lettering messages, retried until it succeeds.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use lapin::Channel;
use lapin::options::BasicAckOptions;
use lapin::types::{AMQPValue, FieldTable};
use metrics::counter;
use spark_analytics_core::backend::{IngestedPart, ingest_apart};
use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{Error, Event, LogReceipt, Receipt, Rejection, Store};
use spark_analytics_eventlog::FoundLog;
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
    /// Stores events. An event that the store can never take, by its content or because its row is damaged, has an error
    /// and does not keep the others waiting.
    pub(crate) async fn ingest(
        &self,
        link: &Channel,
        events: &[Event],
    ) -> Result<Vec<Result<Receipt, Error>>, Left> {
        let outcomes = Mutex::new(vec![None; events.len()]);
        let lock = || outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = || async {
            let (at, left): (Vec<usize>, Vec<Event>) = {
                let outcomes = lock();
                let each = outcomes.iter().zip(events).enumerate();
                let left = each.filter(|(_, (outcome, _))| outcome.is_none());
                left.map(|(at, (_, event))| (at, event.clone())).unzip()
            };
            if left.is_empty() {
                return Ok(());
            }
            let parts = ingest_apart(&*self.store, left).await;
            let mut failed = Ok(());
            let mut outcomes = lock();
            for (at, outcome) in at.into_iter().zip(parts.iter().flat_map(IngestedPart::outcomes)) {
                match outcome {
                    Err(error) if !error.is_of_one_part() => failed = Err(error),
                    outcome => outcomes[at] = Some(outcome),
                }
            }
            failed
        };
        self.until_done(link, "events were not stored", attempt).await?;
        let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(outcomes.into_iter().flatten().collect())
    }

    /// Stores event logs, all or none; the inner error is that of one of them, which the store can never take.
    pub(crate) async fn ingest_logs(
        &self,
        link: &Channel,
        logs: &[(FoundLog, LogSnapshot, Option<LogSource>)],
    ) -> Result<Result<Vec<LogReceipt>, Error>, Left> {
        let ingest = || async {
            let snapshots = logs.iter().map(|(_, snapshot, _)| snapshot.clone()).collect();
            let sources = logs.iter().filter_map(|(.., source)| source.clone()).collect();
            match self.store.ingest_logs(snapshots, sources).await {
                Err(error) if error.is_of_one_part() => Ok(Err(error)),
                done => done.map(Ok),
            }
        };
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
        let reject = || async {
            match self.store.reject(rejections.to_vec()).await {
                Err(error) if error.is_of_one_part() => {
                    tracing::warn!(%error, "rejected input was not kept");
                    Ok(())
                }
                done => done,
            }
        };
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
