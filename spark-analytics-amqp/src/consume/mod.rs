//! Consuming messages into a store.

mod events;
mod logs;
mod message;
mod session;
mod sink;

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use spark_analytics_core::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::consume::sink::Sink;
use crate::publish::Publisher;
use crate::url::AmqpUrl;

/// Stores the messages of both queues until `stop` is cancelled, with `concurrency` consumers of each
/// queue, and reconnects whenever the connection is lost. The facts of the logs that are read at the same time may take
/// `memory` bytes together; a log of more is recorded as dead.
///
/// A message is acknowledged once its contents are durable in the store, or recorded in
/// [`DEAD`](crate::DEAD); a message that is not acknowledged is delivered again, and changes no figure then.
pub async fn consume(
    url: &AmqpUrl,
    store: &Arc<dyn Store>,
    concurrency: u16,
    memory: usize,
    stop: CancellationToken,
) {
    let publisher = Arc::new(Publisher::new(url.clone(), "spark-analytics worker's dead letters"));
    let reading = Arc::new(Semaphore::new(concurrency.into()));
    let sink = Sink { store: Arc::clone(store), publisher, stop: stop.clone() };
    let log_memory = memory / usize::from(concurrency.max(1));
    let mut backoff = Backoff::new();
    gauge!("spark_analytics_broker_connected", "connection" => "consume").set(0.0);
    while !stop.is_cancelled() {
        let connected = std::time::Instant::now();
        let Err(error) = session::run(url, &sink, concurrency, &reading, log_memory).await else {
            return;
        };
        tracing::warn!(broker = %url, %error, "not consuming, connecting again");
        if connected.elapsed() > STEADY {
            backoff = Backoff::new();
        }
        tokio::select! {
            () = backoff.wait() => {}
            () = stop.cancelled() => {}
        }
    }
}

/// A connection that lasted this long resets the wait before the next attempt.
const STEADY: Duration = Duration::from_secs(10);
