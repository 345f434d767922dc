//! Moving the write-ahead log into the file while nothing is written.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::sqlite::SqlitePool;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// How long nothing must have been written.
const QUIET: Duration = Duration::from_secs(5);

/// A copy of the file alone lacks what is in the log, so the log is moved into it when the store becomes idle. That
/// does not wait for readers or writers, nor they for it.
#[derive(Debug)]
pub(crate) struct Idle {
    readers: SqlitePool,
    quiet: Duration,
    /// How many times the store was written to.
    writes: AtomicU64,
    /// Whether a task waits for the store to become idle.
    is_awaited: AtomicBool,
}

impl Idle {
    pub(crate) fn new(readers: SqlitePool) -> Arc<Self> {
        Arc::new(Self {
            readers,
            quiet: QUIET,
            writes: AtomicU64::new(0),
            is_awaited: AtomicBool::new(false),
        })
    }

    /// Notes that the store was written to. Without a runtime, nothing is moved.
    pub(crate) fn written(self: &Arc<Self>) {
        let writes = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        if self.is_awaited.swap(true, Ordering::SeqCst) {
            return;
        }
        match Handle::try_current() {
            // The task does not keep the store open.
            Ok(runtime) => drop(runtime.spawn(wait(Arc::downgrade(self), self.quiet, writes))),
            Err(_) => self.is_awaited.store(false, Ordering::SeqCst),
        }
    }

    /// Moves what no reader needs in the log; whether that is all of it.
    async fn move_log(&self) -> sqlx::Result<bool> {
        let (is_busy, pages, moved): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&self.readers).await?;
        Ok(is_busy == 0 && pages == moved)
    }
}

async fn wait(idle: Weak<Idle>, quiet: Duration, mut seen: u64) {
    loop {
        sleep(quiet).await;
        let Some(idle) = idle.upgrade() else { return };
        let writes = idle.writes.load(Ordering::SeqCst);
        if std::mem::replace(&mut seen, writes) != writes {
            continue;
        }
        // A long reader keeps pages in the log: it is tried again. Errors are those that the next write reports.
        if idle.readers.is_closed() || idle.move_log().await.unwrap_or(true) {
            idle.is_awaited.store(false, Ordering::SeqCst);
            // A write in the meantime did not start another task.
            let has_written = idle.writes.load(Ordering::SeqCst) != writes;
            if !has_written || idle.is_awaited.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use spark_analytics_core::{Event, JobKey, Store};

    use super::*;
    use crate::SqliteStore;

    #[tokio::test]
    async fn a_copy_of_the_file_alone_has_what_was_written_before_the_store_was_idle() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("a.db"), folder.path().join("copy.db"));
        let mut store = SqliteStore::open(&path).await.unwrap();
        let idle = Idle {
            readers: store.readers.clone(),
            quiet: Duration::from_millis(20),
            writes: AtomicU64::new(0),
            is_awaited: AtomicBool::new(false),
        };
        store.idle = Some(Arc::new(idle));
        for id in 1..=3 {
            let at = "2024-03-30T10:00:00Z".parse().unwrap();
            store.ingest(vec![Event::job_start(id, at, "ada").unwrap()]).await.unwrap();
            let mut tries = 0..1_000;
            loop {
                tries.next().expect("the log is moved into the file");
                sleep(Duration::from_millis(20)).await;
                std::fs::copy(&path, &copy).unwrap();
                let Ok(copied) = SqliteStore::options().open_existing(&copy).await else {
                    continue;
                };
                let is_there = copied.job(&JobKey::new(id)).await.unwrap().is_some();
                copied.close().await.unwrap();
                if is_there {
                    break;
                }
            }
        }
        // No task is left once it has nothing to do, or the store is gone.
        let idle = Arc::downgrade(store.idle.as_ref().unwrap());
        store.close().await.unwrap();
        drop(store);
        while idle.upgrade().is_some() {
            sleep(Duration::from_millis(5)).await;
        }
    }
}
