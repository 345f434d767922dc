//! Consuming `spark.eventlogs`: each message a log to replay.

use std::sync::Arc;

use lapin::message::Delivery;
use lapin::{Channel, Consumer};
use serde::Deserialize;
use spark_analytics_core::{LogSnapshot, LogSource, Rejection};
use spark_analytics_eventlog::{LogFile, find_logs, read_found};
use spark_analytics_examples::amqp::EVENT_LOGS;
use spark_analytics_examples::{bytes_of, is_full, source_of};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::events::next;
use crate::now;
use crate::sink::{Left, Sink};

/// One log is read at a time, and the next waits for it.
pub(crate) const PREFETCH: u16 = 1;

/// What a message says.
#[derive(Debug, Deserialize)]
struct Replay {
    /// A file, a folder or a URL.
    uri: String,
}

/// What was read and is stored together.
#[derive(Debug, Default)]
struct Read {
    logs: Vec<LogSnapshot>,
    sources: Vec<LogSource>,
    /// Why the rest was not read.
    failed: Vec<String>,
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
            let rejection = Rejection::new(now(), reason.as_str(), &delivery.data);
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
    // A message that is delivered again, or a folder that has grown, costs what is new.
    let (runtime, store) = (Handle::current(), Arc::clone(&sink.store));
    let is_known = move |source: &LogSource| {
        let noted = runtime.block_on(store.log_source(&source.location));
        noted.is_ok_and(|noted| noted.as_ref() == Some(source))
    };
    let (read, mut taken) = mpsc::channel(1);
    let thread = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        read_logs(&replay.uri, is_known, |batch| read.blocking_send(batch).is_ok());
    });
    let mut failed = Vec::new();
    while let Some(mut batch) = taken.recv().await {
        if !batch.logs.is_empty() {
            sink.ingest_logs(channel, &batch.logs, &batch.sources).await?;
        }
        failed.append(&mut batch.failed);
        failed.truncate(SHOWN_REASONS);
    }
    if let Err(panic) = thread.await {
        failed.push(format!("reading the log failed: {panic}"));
    }
    Ok(failed)
}

/// A dead letter's header has no room for more.
const SHOWN_REASONS: usize = 10;

/// Reads the logs at a path that are not known as they are, and gives them in batches while they are wanted.
fn read_logs(uri: &str, is_known: impl Fn(&LogSource) -> bool, mut give: impl FnMut(Read) -> bool) {
    let found = find_logs(uri);
    let mut batch = Read::default();
    batch.failed.extend(found.failed.into_iter().map(|left_out| left_out.reason));
    if found.logs.is_empty() {
        batch.failed.extend(found.skipped.into_iter().map(|left_out| left_out.reason));
        if batch.failed.is_empty() {
            batch.failed.push(format!("there is no event log at {uri}"));
        }
    }
    let mut bytes = 0;
    for log in found.logs {
        if is_known(&source_of(&log)) {
            continue;
        }
        match read_found(&log) {
            Ok(LogFile { snapshot, .. }) => {
                if !log.is_in_progress || snapshot.application.ended {
                    batch.sources.push(source_of(&log));
                }
                bytes += bytes_of(&snapshot);
                batch.logs.push(snapshot);
            }
            Err(error) => batch.failed.push(error.to_string()),
        }
        if is_full(batch.logs.len() + batch.failed.len(), bytes) {
            bytes = 0;
            if !give(std::mem::take(&mut batch)) {
                return;
            }
        }
    }
    give(batch);
}
