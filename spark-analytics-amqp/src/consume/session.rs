//! Consuming over one connection, until it is lost or the worker stops.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};
use metrics::gauge;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::broker::{DEAD, EVENT_LOGS, EVENTS, connect, declare};
use crate::consume::sink::{Left, Sink};
use crate::consume::{events, logs};
use crate::url::AmqpUrl;

/// Interval between measurements of the queues' lengths.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Consumes over one connection with `concurrency` consumers of each queue until the worker stops.
///
/// # Errors
/// Why the connection could not be made or was lost. Unacknowledged messages are delivered again.
pub(crate) async fn run(
    url: &AmqpUrl,
    sink: &Sink,
    concurrency: u16,
    reading: &Arc<Semaphore>,
    log_memory: usize,
) -> Result<(), Left> {
    let connection = tokio::select! {
        connected = connect(url, "spark-analytics worker") => connected?,
        () = sink.stop.cancelled() => return Ok(()),
    };
    declare(&connection.create_channel().await?).await?;
    let mut consumers = JoinSet::new();
    for _ in 0..concurrency {
        let (channel, consumer) = consume(&connection, EVENTS, events::PREFETCH).await?;
        consumers.spawn(events::run(sink.clone(), channel, consumer));
        let (channel, consumer) = consume(&connection, EVENT_LOGS, logs::PREFETCH).await?;
        consumers.spawn(logs::run(
            sink.clone(),
            channel,
            consumer,
            Arc::clone(reading),
            log_memory,
        ));
    }
    tracing::info!(broker = %url, concurrency, "consuming");
    let connected = gauge!("spark_analytics_broker_connected", "connection" => "consume");
    connected.set(1.0);
    let looking = look(connection.create_channel().await?);
    let ending = async {
        while let Some(ended) = consumers.join_next().await {
            match ended.map_err(|_| Left::Ended)? {
                // The other consumers still finish their batches.
                Ok(()) | Err(Left::Stopping) => {}
                Err(lost) => return Err(lost),
            }
        }
        Ok(())
    };
    let ended = tokio::select! {
        ended = ending => ended,
        lost = looking => Err(Left::Lost(lost)),
    };
    connected.set(0.0);
    consumers.shutdown().await;
    // The broker reads acknowledgements in transit before it answers the close.
    let _ = timeout(CLOSED_WITHIN, connection.close(200, "".into())).await;
    ended
}

async fn consume(
    connection: &Connection,
    queue: &str,
    prefetch: u16,
) -> lapin::Result<(Channel, Consumer)> {
    let channel = connection.create_channel().await?;
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let consumer =
        channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
    Ok((channel, consumer))
}

/// Records the lengths of the queues until the connection is lost.
async fn look(channel: Channel) -> lapin::Error {
    loop {
        for queue in [EVENTS, EVENT_LOGS, DEAD] {
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            match channel.queue_declare(queue.into(), options, FieldTable::default()).await {
                Ok(declared) => gauge!("spark_analytics_queue_messages", "queue" => queue)
                    .set(declared.message_count()),
                Err(error) => return error,
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
