//! The connection to RabbitMQ, and the queues that publishers and consumers share.

use std::io;
use std::time::{Duration, SystemTime};

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::time::timeout;

use crate::url::AmqpUrl;

/// The queue of events; a message is one event or a JSON array of events.
pub const EVENTS: &str = "spark.events";
/// The queue of event logs to replay; a message is `{"uri": …}`.
pub const EVENT_LOGS: &str = "spark.eventlogs";
/// The queue of rejected messages, each with the header [`REASON`].
pub const DEAD: &str = "spark.dead";

/// The header that says why a message in [`DEAD`] was rejected.
pub const REASON: &str = "reason";
/// The header that names the queue from which a message in [`DEAD`] came.
pub const QUEUE: &str = "queue";
/// The header with the time at which a message was published, in milliseconds since 1970: AMQP's
/// property `timestamp` has whole seconds only.
pub(crate) const PUBLISHED_MS: &str = "published_ms";

/// How often a message may be redelivered before the broker itself moves it to [`DEAD`]: high enough
/// that a long outage moves none, and finite so that a message that crashes workers does not stay.
const DELIVERY_LIMIT: i32 = 1_000;
/// Timeout for connecting.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Connects to a broker, which lists the connection under `name`.
///
/// # Errors
/// The error of the broker or the network; also when connecting takes longer than 10 s.
pub async fn connect(url: &AmqpUrl, name: &str) -> lapin::Result<Connection> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    match timeout(CONNECT_WITHIN, Connection::connect_uri(url.uri.clone(), properties)).await {
        Ok(connected) => connected,
        Err(late) => Err(io::Error::from(late).into()),
    }
}

/// Declares the three queues as durable quorum queues.
///
/// # Errors
/// The broker's error, for example when a queue of that name exists with other properties. The broker
/// has then closed the channel.
pub async fn declare(channel: &Channel) -> lapin::Result<()> {
    let quorum = || {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        arguments
    };
    let mut taken = quorum();
    for (name, value) in [
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-routing-key", DEAD),
        ("x-dead-letter-strategy", "at-least-once"),
        // The strategy `at-least-once` requires it. Without a length limit the queue rejects nothing.
        ("x-overflow", "reject-publish"),
    ] {
        taken.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    taken.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
    for (queue, arguments) in [(DEAD, quorum()), (EVENTS, taken.clone()), (EVENT_LOGS, taken)] {
        channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments).await?;
    }
    Ok(())
}

/// How long ago a message was published; `None` if its properties do not say when.
pub fn age(properties: &BasicProperties) -> Option<Duration> {
    let headers = properties.headers().as_ref().map(FieldTable::inner);
    let header = headers.and_then(|headers| headers.get(PUBLISHED_MS));
    let published_ms = match header {
        Some(AMQPValue::LongLongInt(ms)) => u64::try_from(*ms).ok()?,
        _ => properties.timestamp().as_ref()?.saturating_mul(1_000),
    };
    Some(Duration::from_millis(now_ms().saturating_sub(published_ms)))
}

pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The publisher's clock is ahead of this one, or this one was set back.
    #[test]
    fn a_message_from_the_future_has_age_0() {
        let day = 86_400_000;
        let with = |name: &str, ms: u64| {
            let mut headers = FieldTable::default();
            headers.insert(name.into(), AMQPValue::LongLongInt(ms as i64));
            BasicProperties::default().with_headers(headers)
        };
        let sent = |ms: u64| age(&with(PUBLISHED_MS, ms)).unwrap();
        assert_eq!(sent(now_ms() + day), Duration::ZERO);
        assert!(sent(now_ms() - day) >= Duration::from_millis(day));
        let by_seconds = |ms| age(&BasicProperties::default().with_timestamp(ms / 1_000)).unwrap();
        assert_eq!(by_seconds(now_ms() + day), Duration::ZERO);
        assert_eq!(age(&with("other", 0)), None);
    }
}
