//! Consuming `spark.eventlogs`: each message names a log or a folder of logs to replay.

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

/// Maximum number of unacknowledged messages per consumer: it replays one at a time.
pub(crate) const PREFETCH: u16 = 1;

/// The content of a message.
#[derive(Debug, Deserialize)]
struct Replay {
    /// A file, a folder or a URL.
    uri: String,
}

/// Replays logs until the worker stops or the connection is lost.
///
/// A permit of `reading` is held while logs are read, because reading continues for a while after the
/// connection is lost.
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
            tracing::warn!(
                "an event log was not replayed; the message in spark.dead has the reason"
            );
            let rejection =
                Rejection::new(SystemTime::now().into(), reason.as_str(), &delivery.data);
            sink.reject(&channel, &[rejection]).await?;
            sink.dead_letter(&channel, EVENT_LOGS, &delivery.data, &reason).await?;
        }
        sink.acknowledge(&channel, EVENT_LOGS, delivery.delivery_tag, 1).await?;
    }
    Ok(())
}

/// Stores the logs that a message names. Returns the first reasons why some could not be stored.
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
                "the message is not a {{\"uri\": …}} that names an event log: {error}"
            )]);
        }
    };
    let permit = Arc::clone(reading).acquire_owned().await;
    let uri = replay.uri.clone();
    let found = match tokio::task::spawn_blocking(move || find_logs(&uri)).await {
        Ok(found) => found,
        Err(panic) => return Ok(vec![format!("searching for the log failed: {panic}")]),
    };
    let mut failed: Vec<String> =
        found.failed.into_iter().map(|left_out| left_out.reason).collect();
    if found.logs.is_empty() {
        failed.extend(found.skipped.into_iter().map(|left_out| left_out.reason));
        if failed.is_empty() {
            failed.push(format!("there is no event log at {}", replay.uri));
        }
    }
    // Of a message that is delivered again, or a folder that has grown, only the new logs are read.
    let (runtime, store) = (Handle::current(), Arc::clone(&sink.store));
    let is_known = move |log: &FoundLog| {
        // Held until the reading thread ends, even if the connection is lost earlier.
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

/// Maximum number of reasons in the header of a dead letter.
const SHOWN_REASONS: usize = 10;
