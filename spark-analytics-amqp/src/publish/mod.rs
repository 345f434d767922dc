//! Publishing with confirms over a connection that is restored automatically.

mod events;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Event};
use metrics::{counter, gauge, histogram};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::backoff::Backoff;
use crate::broker::{PUBLISHED_MS, connect, declare, now_ms};
use crate::url::AmqpUrl;

/// Maximum number of messages that wait for a confirm.
const IN_FLIGHT: usize = 1_000;
/// How long a message may wait for a connection, and then for its confirm.
const CONNECTED_WITHIN: Duration = Duration::from_secs(1);
const CONFIRMED_WITHIN: Duration = Duration::from_secs(5);
const PERSISTENT: u8 = 2;

/// A message was not confirmed. It may be in its queue all the same; sending it again is safe.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the broker at {url} {reason}")]
pub struct NotPublished {
    url: String,
    reason: String,
}

/// Publishes to the queues of a broker. A message is published once the broker has confirmed that it is
/// durable.
///
/// A publisher has its own connection, because a broker that runs out of memory stops reading from
/// connections that publish. A background task makes it, restores it whenever it is lost, and ends when
/// the publisher is dropped.
#[derive(Debug)]
pub struct Publisher {
    url: Arc<AmqpUrl>,
    link: watch::Receiver<Link>,
    broken: Arc<Notify>,
    permits: Arc<Semaphore>,
    keeping: AbortHandle,
}

/// A channel, or the reason why there is none.
type Link = Result<Channel, String>;

impl Publisher {
    /// Creates a publisher whose connection the broker lists under `name`, and starts to connect.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn new(url: AmqpUrl, name: &'static str) -> Self {
        let url = Arc::new(url);
        let (state, link) = watch::channel(Err("is not connected yet".to_owned()));
        let broken = Arc::new(Notify::new());
        let keeping = tokio::spawn(keep(Arc::clone(&url), name, state, Arc::clone(&broken)));
        let permits = Arc::new(Semaphore::new(IN_FLIGHT));
        Self { url, link, broken, permits, keeping: keeping.abort_handle() }
    }

    /// Publishes a message with headers to a queue, and waits for its confirm. Once sending has begun, it
    /// continues even if the future is dropped.
    ///
    /// # Errors
    /// [`NotPublished`] if the broker is unavailable, refuses the message, or does not confirm it within
    /// 5 s. Sending the message again is safe.
    pub async fn send(
        &self,
        queue: &'static str,
        body: Vec<u8>,
        headers: FieldTable,
    ) -> Result<(), NotPublished> {
        let fail = |reason: String| {
            counter!("spark_analytics_publish_errors_total").increment(1);
            NotPublished { url: self.url.to_string(), reason }
        };
        let within = |error| format!("cannot accept the message now: {error}");
        let permit = timeout(CONFIRMED_WITHIN, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| fail("has too many unconfirmed messages".to_owned()))?;
        let channel = self.channel().await.map_err(&fail)?;
        let broken = Arc::clone(&self.broken);
        let sending = tokio::spawn(async move {
            let _permit = permit;
            let started = Instant::now();
            let sent = timeout(CONFIRMED_WITHIN, send_on(&channel, queue, &body, headers)).await;
            let sent = sent.unwrap_or_else(|_| {
                Err(format!("did not confirm within {} s", CONFIRMED_WITHIN.as_secs()))
            });
            match sent {
                Ok(()) => histogram!("spark_analytics_publish_seconds")
                    .record(started.elapsed().as_secs_f64()),
                Err(_) => broken.notify_waiters(),
            }
            sent
        });
        sending.await.unwrap_or_else(|error| Err(within(error))).map_err(fail)
    }

    /// Checks that the publisher is connected; waits up to 1 s for it.
    ///
    /// # Errors
    /// [`NotPublished`] with the reason why it is not connected.
    pub async fn connected(&self) -> Result<(), NotPublished> {
        let fail = |reason: String| NotPublished { url: self.url.to_string(), reason };
        self.channel().await.map(|_| ()).map_err(fail)
    }

    /// The channel; waits up to 1 s for one.
    async fn channel(&self) -> Link {
        let mut link = self.link.clone();
        let connected = timeout(CONNECTED_WITHIN, link.wait_for(Result::is_ok)).await;
        match connected {
            Ok(Ok(link)) => link.clone(),
            _ => self.link.borrow().clone(),
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

async fn send_on(
    channel: &Channel,
    queue: &str,
    body: &[u8],
    mut headers: FieldTable,
) -> Result<(), String> {
    let now = now_ms();
    let published_ms = i64::try_from(now).unwrap_or(i64::MAX);
    headers.insert(PUBLISHED_MS.into(), AMQPValue::LongLongInt(published_ms));
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_timestamp(now / 1_000)
        .with_headers(headers);
    // The broker returns a message that reaches no queue.
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let failed = |error: lapin::Error| format!("did not accept the message: {error}");
    let confirm = channel
        .basic_publish("".into(), queue.into(), options, body, properties)
        .await
        .map_err(failed)?;
    match confirm.await.map_err(failed)? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(format!("has no queue {queue}")),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err("refused the message".to_owned()),
    }
}

/// Connects, and reconnects whenever the connection is lost.
async fn keep(
    url: Arc<AmqpUrl>,
    name: &'static str,
    state: watch::Sender<Link>,
    broken: Arc<Notify>,
) {
    let connected = gauge!("spark_analytics_broker_connected", "connection" => "publish");
    connected.set(0.0);
    let mut backoff = Backoff::new();
    loop {
        match open(&url, name).await {
            Ok((connection, channel)) => {
                backoff = Backoff::new();
                tracing::info!(broker = %url, "connected to publish");
                let _ = state.send(Ok(channel.clone()));
                connected.set(1.0);
                tokio::select! {
                    () = lost(&connection) => {}
                    () = broken.notified() => {}
                }
                tracing::warn!(broker = %url, "the connection to publish is lost");
                connected.set(0.0);
                let _ = state.send(Err("lost the connection".to_owned()));
                let _ = timeout(CONNECTED_WITHIN, connection.close(200, "".into())).await;
            }
            Err(error) => {
                tracing::warn!(broker = %url, %error, "cannot connect to publish, trying again");
                let _ = state.send(Err(format!("cannot be reached: {error}")));
            }
        }
        backoff.wait().await;
    }
}

async fn open(url: &AmqpUrl, name: &str) -> lapin::Result<(Connection, Channel)> {
    let connection = connect(url, name).await?;
    let channel = connection.create_channel().await?;
    declare(&channel).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

/// Waits until a connection is lost.
pub(super) async fn lost(connection: &Connection) {
    let mut events = std::pin::pin!(connection.events_listener());
    let mut look = tokio::time::interval(Duration::from_secs(1));
    while connection.status().connected() {
        tokio::select! {
            event = events.next() => if matches!(event, None | Some(Event::Error(_))) { return },
            _ = look.tick() => {}
        }
    }
}
