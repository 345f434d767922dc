//! The open file, and the threads that work on it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_lock::Mutex;
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use spark_analytics_core::{Dedup, Error, Result};

use crate::fault::{self, BACKEND, Fault};
use crate::{Durability, RedbOptions};

pub(crate) const OPEN: &str = "open its file";

/// With [`Durability::Eventual`] every commit of that many is durable: redb cannot use a page
/// again before.
const COMMITS_UNTIL_DURABLE: u32 = 64;

pub(crate) struct Shared {
    pub(crate) dedup: Dedup,
    durability: Durability,
    commits: AtomicU32,
    /// `None` once closed. Transactions hold it for reading, so that closing waits for them.
    database: RwLock<Option<Database>>,
    /// Held by the writer. Writers wait here and not in redb, which would take a thread each.
    writer: Arc<Mutex<()>>,
}

/// What a writing transaction did, with its answer.
pub(crate) enum Written<T> {
    /// Commit it.
    Changed(T),
    /// Nothing: a commit would cost and change nothing.
    Unchanged(T),
}

impl Shared {
    pub(crate) fn new(database: Database, options: RedbOptions) -> Self {
        Self {
            dedup: options.dedup,
            durability: options.durability,
            commits: AtomicU32::new(0),
            database: RwLock::new(Some(database)),
            writer: Arc::default(),
        }
    }

    /// Reads the last commit.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        action: &'static str,
        read: impl FnOnce(&ReadTransaction) -> fault::Result<T> + Send + 'static,
    ) -> Result<T> {
        let shared = Arc::clone(self);
        unblock(action, move || {
            let guard = shared.lock();
            let database = opened(&guard, action)?;
            let read = || read(&database.begin_read()?);
            read().map_err(|fault: Fault| fault.during(action))
        })
        .await
    }

    /// Writes in a transaction of its own, which goes on to its end when the future is dropped
    /// after it began.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        action: &'static str,
        write: impl FnOnce(&WriteTransaction) -> fault::Result<Written<T>> + Send + 'static,
    ) -> Result<T> {
        let turn = self.writer.lock_arc().await;
        let shared = Arc::clone(self);
        unblock(action, move || {
            let _turn = turn;
            let guard = shared.lock();
            let database = opened(&guard, action)?;
            shared.transact(database, write).map_err(|fault| fault.during(action))
        })
        .await
    }

    pub(crate) async fn compact(self: &Arc<Self>) -> Result<bool> {
        const ACTION: &str = "compact its file";
        let turn = self.writer.lock_arc().await;
        let shared = Arc::clone(self);
        unblock(ACTION, move || {
            let _turn = turn;
            let mut guard = shared.lock_alone();
            let database = guard.as_mut().ok_or_else(|| closed(ACTION))?;
            database.compact().map_err(|error| Error::engine(BACKEND, ACTION, error))
        })
        .await
    }

    /// Waits for what runs, makes all commits durable and lets go of the file.
    pub(crate) async fn close(self: &Arc<Self>) -> Result<()> {
        const ACTION: &str = "close its file";
        let turn = self.writer.lock_arc().await;
        let shared = Arc::clone(self);
        unblock(ACTION, move || {
            let _turn = turn;
            let Some(database) = shared.lock_alone().take() else { return Ok(()) };
            let flush = || -> fault::Result<()> { Ok(database.begin_write()?.commit()?) };
            let flushed = match shared.durability {
                Durability::Eventual => flush().map_err(|fault| fault.during(ACTION)),
                Durability::Immediate => Ok(()),
            };
            let closed = database.close().map_err(|error| Error::engine(BACKEND, ACTION, error));
            flushed.and(closed)
        })
        .await
    }

    fn transact<T>(
        &self,
        database: &Database,
        write: impl FnOnce(&WriteTransaction) -> fault::Result<Written<T>>,
    ) -> fault::Result<T> {
        let mut transaction = database.begin_write()?;
        match write(&transaction)? {
            Written::Changed(answer) => {
                if !self.is_durable() {
                    transaction.set_durability(redb::Durability::None)?;
                }
                transaction.commit()?;
                Ok(answer)
            }
            Written::Unchanged(answer) => Ok(answer),
        }
    }

    /// Whether the commit at hand is to be durable.
    fn is_durable(&self) -> bool {
        match self.durability {
            Durability::Immediate => true,
            Durability::Eventual => {
                let earlier = self.commits.fetch_add(1, Ordering::Relaxed);
                earlier % COMMITS_UNTIL_DURABLE == COMMITS_UNTIL_DURABLE - 1
            }
        }
    }

    // A panic while the lock is held is a bug that the caller has seen; redb takes the transaction back.
    fn lock(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_alone(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("dedup", &self.dedup)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// Runs work that blocks on a thread made for it. A panic becomes an error: redb panics on some
/// damaged files.
pub(crate) async fn unblock<T: Send + 'static>(
    action: &'static str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let work = move || {
        catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            let reason = "it panicked; the file may be damaged";
            Err(Error::engine(BACKEND, action, reason))
        })
    };
    blocking::unblock(work).await
}

fn opened<'a>(
    guard: &'a RwLockReadGuard<'_, Option<Database>>,
    action: &'static str,
) -> Result<&'a Database> {
    guard.as_ref().ok_or_else(|| closed(action))
}

fn closed(action: &'static str) -> Error {
    Error::engine(BACKEND, action, "it was closed: open it again")
}
