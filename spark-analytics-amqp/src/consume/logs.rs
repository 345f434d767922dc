//! Consuming `spark.eventlogs`: each message a log to replay.

use std::sync::Arc;
use std::time::SystemTime;

use lapin::message::Delivery;
use lapin::{Channel, Consumer};
use serde::Deserialize;
use spark_analytics_core::Rejection;
use spark_analytics_eventlog::{FoundLog, find_logs};
use spark_analytics_import::read_batches;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::broker::EVENT_LOGS;
use crate::consume::events::next;
use crate::consume::sink::{Left, Sink};

/// One log is read at a time, and the next waits for it.
pub(crate) const PREFETCH: u16 = 1;

/// What a message says.
#[derive(Debug, Deserialize)]
struct Replay {
    /// A file, a folder or a URL.
    uri: String,
}

/// Replays logs until the worker stops or the connection is lost. A permit is held while one is read: that
/// goes on after the connection is lost.
pub(crate) async fn run(
    sink: Sink,
    channel: Channel,
    mut consumer: Consumer,
    reading: Arc<Semaphore>,
) -> Result<(), Left> {
    while let Some(delivery) = next(&sink, &mut consumer).await? {
        let failed = replay(&sink, &channel, &delivery, &reading).await?;
        if failed.is_empty() {
            tracing::info!(delivery = delivery.delivery_tag, "replayed");
        } else {
            let reason = failed.join("; ");
            // A URL may hold a password.
            tracing::warn!("an event log was not replayed; its message in spark.dead says why");
            let rejection =
                Rejection::new(SystemTime::now().into(), reason.as_str(), &delivery.data);
            sink.reject(&channel, &[rejection]).await?;
            sink.dead_letter(&channel, EVENT_LOGS, &delivery.data, &reason).await?;
        }
        sink.acknowledge(&channel, EVENT_LOGS, delivery.delivery_tag, 1).await?;
    }
    Ok(())
}

/// Takes what a message names into the store; the first few reasons why not all of it.
async fn replay(
    sink: &Sink,
    channel: &Channel,
    delivery: &Delivery,
    reading: &Arc<Semaphore>,
) -> Result<Vec<String>, Left> {
    let replay: Replay = match serde_json::from_slice(&delivery.data) {
        Ok(replay) => replay,
        Err(error) => {
            return Ok(vec![format!(
                "the message is no {{\"uri\": …}} that names an event log: {error}"
            )]);
        }
    };
    let permit = Arc::clone(reading).acquire_owned().await;
    let uri = replay.uri.clone();
    let found = match tokio::task::spawn_blocking(move || find_logs(&uri)).await {
        Ok(found) => found,
        Err(panic) => return Ok(vec![format!("looking for the log failed: {panic}")]),
    };
    let mut failed: Vec<String> =
        found.failed.into_iter().map(|left_out| left_out.reason).collect();
    if found.logs.is_empty() {
        failed.extend(found.skipped.into_iter().map(|left_out| left_out.reason));
        if failed.is_empty() {
            failed.push(format!("there is no event log at {}", replay.uri));
        }
    }
    // A message that is delivered again, or a folder that has grown, costs only the new logs.
    let (runtime, store) = (Handle::current(), Arc::clone(&sink.store));
    let is_known = move |log: &FoundLog| {
        // Held until the reading thread ends, also when the connection is lost before.
        let _ = &permit;
        let source = log.source();
        let recorded = runtime.block_on(store.log_source(&source.location));
        recorded.is_ok_and(|recorded| recorded.as_ref() == Some(&source))
    };
    let mut batches = read_batches(found.logs, is_known, |_| {});
    loop {
        let batch = match batches.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(panic) => {
                failed.push(format!("reading the log failed: {panic}"));
                break;
            }
        };
        let errors = batch.logs().iter().filter_map(|read| read.result.as_ref().err());
        failed.extend(errors.map(ToString::to_string));
        failed.truncate(SHOWN_REASONS);
        let (logs, sources) = batch.into_facts();
        if !logs.is_empty() {
            sink.ingest_logs(channel, &logs, &sources).await?;
        }
    }
    failed.truncate(SHOWN_REASONS);
    Ok(failed)
}

/// A dead letter's header has no room for more.
const SHOWN_REASONS: usize = 10;
