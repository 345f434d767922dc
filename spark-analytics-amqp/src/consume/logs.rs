//! Consuming `spark.eventlogs`: each message names a log or a folder of logs to replay.

use std::sync::Arc;
use std::time::SystemTime;

use lapin::message::Delivery;
use lapin::{Channel, Consumer};
use serde::Deserialize;
use spark_analytics_core::Rejection;
use spark_analytics_eventlog::{FoundLog, find_logs};
use spark_analytics_import::{known_logs, read_batches};
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
    memory: usize,
) -> Result<(), Left> {
    while let Some(delivery) = next(&sink, &mut consumer).await? {
        let Replayed { uri, logs, failed } =
            replay(&sink, &channel, &delivery, &reading, memory).await?;
        if failed.is_empty() {
            tracing::info!(uri, logs, "replayed");
        } else {
            let reason = failed.join("; ");
            tracing::warn!(
                uri,
                logs,
                reason,
                "not all event logs were replayed; the message is in spark.dead"
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

/// How the replay of a message went.
#[derive(Debug, Default)]
struct Replayed {
    /// The place of the logs, without a password.
    uri: String,
    /// Number of logs that were stored.
    logs: usize,
    /// The first reasons why some could not be stored.
    failed: Vec<String>,
}

/// Stores the logs that a message names.
async fn replay(
    sink: &Sink,
    channel: &Channel,
    delivery: &Delivery,
    reading: &Arc<Semaphore>,
    memory: usize,
) -> Result<Replayed, Left> {
    let replay: Replay = match serde_json::from_slice(&delivery.data) {
        Ok(replay) => replay,
        Err(error) => {
            let reason =
                format!("the message is not a {{\"uri\": …}} that names an event log: {error}");
            return Ok(Replayed { failed: vec![reason], ..Replayed::default() });
        }
    };
    let permit = Arc::clone(reading).acquire_owned().await;
    let shown = without_secrets(&replay.uri);
    let found = match tokio::task::spawn_blocking(move || find_logs(&replay.uri)).await {
        Ok(found) => found,
        Err(panic) => {
            let failed = vec![format!("searching for the log failed: {panic}")];
            return Ok(Replayed { uri: shown, logs: 0, failed });
        }
    };
    let mut failed: Vec<String> =
        found.failed.into_iter().map(|left_out| left_out.reason).collect();
    if found.logs.is_empty() {
        failed.extend(found.skipped.into_iter().map(|left_out| left_out.reason));
        if failed.is_empty() {
            failed.push(format!("there is no event log at {shown}"));
        }
    }
    // Of a message that is delivered again, or a folder that has grown, only the new logs are read.
    // A store that fails reports it when logs are stored.
    let known = known_logs(&*sink.store, &found.logs).await.unwrap_or_default();
    let is_known = move |log: &FoundLog| {
        // Held until the reading thread ends, even if the connection is lost earlier.
        let _ = &permit;
        known.contains_key(log.id())
    };
    let mut stored = 0;
    let mut batches = read_batches(found.logs, memory, is_known, |_| {});
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
        let each = batch.into_each();
        if each.is_empty() {
            continue;
        }
        if sink.ingest_logs(channel, &each).await?.is_ok() {
            stored += each.len();
            continue;
        }
        for log in &each {
            match sink.ingest_logs(channel, std::slice::from_ref(log)).await? {
                Ok(_) => stored += 1,
                Err(error) => failed.push(format!("cannot store {}: {error}", log.0.name)),
            }
        }
    }
    failed.truncate(SHOWN_REASONS);
    Ok(Replayed { uri: shown, logs: stored, failed })
}

/// A path or URL for messages: without a password, and without what follows a `?`.
fn without_secrets(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let rest = rest.split('?').next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    format!("{scheme}://{authority}{path}")
}

/// Maximum number of reasons in the header of a dead letter.
const SHOWN_REASONS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_logs_is_shown_without_secrets() {
        for (uri, shown) in [
            ("/logs/app-1", "/logs/app-1"),
            ("s3://bucket/key", "s3://bucket/key"),
            ("https://ada:secret@host/log?sig=secret", "https://ada@host/log"),
            ("https://ada:sec@ret@host", "https://ada@host"),
        ] {
            assert_eq!(without_secrets(uri), shown);
        }
    }
}
