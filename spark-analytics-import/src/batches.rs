//! Logs read in batches, each of which is stored in one transaction.

use std::time::SystemTime;

use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{Error, LogReceipt, Result, Store};
use spark_analytics_eventlog::{FoundLog, LogError, LogFile, LogReader};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use crate::future::refuse_future;
use crate::sources::source_to_record;

/// A batch is full when it has this many logs.
const BATCH_LOGS: usize = 64;
/// A batch is full when its facts take about this many bytes.
const BATCH_BYTES: usize = 32 * 1024 * 1024;

/// A log, and the result of reading it.
#[derive(Debug)]
#[non_exhaustive]
pub struct ReadLog {
    /// Where the log is.
    pub log: FoundLog,
    /// Its facts and warnings, or why it cannot be read.
    pub result: Result<LogFile, LogError>,
}

/// Logs to store in one transaction, in the order in which they were read.
#[derive(Debug, Default)]
pub struct Batch {
    read: Vec<ReadLog>,
    bytes: usize,
    /// What the facts of a log may take when it is read again; `None` for any.
    memory: Option<usize>,
}

impl Batch {
    /// Appends a log.
    pub fn push(&mut self, log: FoundLog, result: Result<LogFile, LogError>) {
        self.bytes += result.as_ref().map_or(0, |file| file.snapshot.size_hint());
        self.read.push(ReadLog { log, result });
    }

    /// Whether to store the batch before more is read: it has 64 logs, or facts of about 32 MiB.
    pub const fn is_full(&self) -> bool {
        self.read.len() >= BATCH_LOGS || self.bytes >= BATCH_BYTES
    }

    /// Whether it has no log.
    pub const fn is_empty(&self) -> bool {
        self.read.is_empty()
    }

    /// The logs.
    pub fn logs(&self) -> &[ReadLog] {
        &self.read
    }

    /// The facts of the logs that could be read, and the sources to record with them: the arguments
    /// of [`Store::ingest_logs`].
    pub fn into_facts(self) -> (Vec<LogSnapshot>, Vec<LogSource>) {
        let each = self.into_each().into_iter();
        let (snapshots, sources): (_, Vec<_>) =
            each.map(|(_, snapshot, source)| (snapshot, source)).unzip();
        (snapshots, sources.into_iter().flatten().collect())
    }

    /// Each log that could be read with its facts, and the source to record with them.
    pub fn into_each(self) -> Vec<(FoundLog, LogSnapshot, Option<LogSource>)> {
        let could_be_read = self.read.into_iter().filter_map(|ReadLog { log, result }| {
            let snapshot = result.ok()?.snapshot;
            let source = source_to_record(&log, &snapshot);
            Some((log, snapshot, source))
        });
        could_be_read.collect()
    }

    /// Stores the logs that could be read, in one transaction. The receipts are in their order.
    ///
    /// # Errors
    /// The store's error; nothing of the batch is stored then.
    pub async fn store(self, store: &dyn Store) -> Result<Vec<LogReceipt>> {
        let (snapshots, sources) = self.into_facts();
        store.ingest_logs(snapshots, sources).await
    }

    /// Stores the logs that could be read, as [`store`](Self::store) does. If that fails
    /// [by one of them](Error::is_of_one_part), each is read again and stored by itself, so that only that one fails. The
    /// outcomes are in the order of the logs.
    ///
    /// # Errors
    /// Any other error of the store; logs before it may be stored then.
    pub async fn store_each(self, store: &dyn Store) -> Result<Vec<Result<LogReceipt>>> {
        let could_be_read = self.read.iter().filter(|read| read.result.is_ok());
        let memory = self.memory.unwrap_or(usize::MAX);
        let logs: Vec<FoundLog> = could_be_read.map(|read| read.log.clone()).collect();
        match self.store(store).await {
            Ok(receipts) => Ok(receipts.into_iter().map(Ok).collect()),
            Err(error) if error.is_of_one_part() && logs.len() == 1 => Ok(vec![Err(error)]),
            Err(error) if error.is_of_one_part() => {
                let mut outcomes = Vec::with_capacity(logs.len());
                for log in logs {
                    match store_again(log, memory, store).await {
                        Err(error) if !error.is_of_one_part() => return Err(error),
                        outcome => outcomes.push(outcome),
                    }
                }
                Ok(outcomes)
            }
            Err(error) => Err(error),
        }
    }
}

/// Batches of logs that a thread reads, one ahead of the batch that is being stored.
#[derive(Debug)]
pub struct Batches {
    read: mpsc::Receiver<Batch>,
    thread: Option<JoinHandle<()>>,
}

/// Reads logs in their order on a blocking thread of tokio. The result of a log whose application starts more than a day
/// after now is [`LogError::InFuture`].
///
/// The facts of a log may take `memory` bytes ([`LogReader::memory`]). `is_known` says which logs to leave out unread, and `progress` is called with each number of bytes read.
/// When the batches are dropped, the thread ends after the log that it reads. At most three batches are
/// in memory: the one being stored, the next, and the one being read.
pub fn read_batches(
    logs: Vec<FoundLog>,
    memory: usize,
    mut is_known: impl FnMut(&FoundLog) -> bool + Send + 'static,
    progress: impl Fn(u64) + Clone + Send + Sync + 'static,
) -> Batches {
    let (give, read) = mpsc::channel(1);
    let thread = tokio::task::spawn_blocking(move || {
        let empty = || Batch { memory: Some(memory), ..Batch::default() };
        let mut batch = empty();
        for log in logs {
            if is_known(&log) {
                continue;
            }
            let result = read_one(&log, memory, progress.clone());
            batch.push(log, result);
            // The other side is dropped when the store has failed.
            if batch.is_full()
                && give.blocking_send(std::mem::replace(&mut batch, empty())).is_err()
            {
                return;
            }
        }
        if !batch.is_empty() {
            let _ = give.blocking_send(batch);
        }
    });
    Batches { read, thread: Some(thread) }
}

impl Batches {
    /// The next batch, never empty; `None` after the last.
    ///
    /// # Errors
    /// When the reading thread panicked; the rest of the logs is not read then.
    pub async fn next(&mut self) -> Result<Option<Batch>, JoinError> {
        let batch = self.read.recv().await;
        if batch.is_none()
            && let Some(thread) = self.thread.take()
        {
            thread.await?;
        }
        Ok(batch)
    }
}

/// Reads a log again and stores it by itself.
async fn store_again(log: FoundLog, memory: usize, store: &dyn Store) -> Result<LogReceipt> {
    let unreadable = |why: String| Error::engine("given", "read a log again", why);
    let read = tokio::task::spawn_blocking(move || {
        let result = read_one(&log, memory, |_| {});
        ReadLog { log, result }
    });
    let ReadLog { log, result } = read.await.map_err(|panic| unreadable(panic.to_string()))?;
    let file = result.map_err(|error| unreadable(error.to_string()))?;
    let source = source_to_record(&log, &file.snapshot);
    let receipts = store.ingest_logs(vec![file.snapshot], source.into_iter().collect()).await?;
    Ok(receipts.into_iter().next().unwrap_or_default())
}

fn read_one(
    log: &FoundLog,
    memory: usize,
    progress: impl Fn(u64) + Send + Sync + 'static,
) -> Result<LogFile, LogError> {
    let mut reader = LogReader::with_progress(progress).memory(memory);
    reader.read(log)?;
    refuse_future(log, reader.into_log_file()?, SystemTime::now())
}
