//! The open file, and the threads that work on it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_lock::Mutex;
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use spark_analytics_core::{Dedup, Durability, Error, Result};

use crate::error::{self, BACKEND, Fault};
use crate::place::Place;

/// What was acknowledged must not go while the program goes on as if it were there.
const TAKEN_BACK: &str = "its file failed before, which may have taken back commits that were not yet \
     durable: see to the disk, open the store again, and send again what it lacks";

/// With [`Durability::Eventual`] every commit of that many is durable: redb cannot use a page
/// again before.
const COMMITS_UNTIL_DURABLE: u32 = 64;

pub(crate) struct Handle {
    pub(crate) dedup: Dedup,
    durability: Durability,
    commits: AtomicU32,
    place: Place,
    /// Transactions hold it for reading, so that closing and opening again wait for them.
    database: RwLock<Held>,
    /// Whether an error of the disk has put the database out of use.
    has_failed: AtomicBool,
    /// Held by the writer. Writers wait here and not in redb, which would take a thread each.
    writer: Arc<Mutex<()>>,
}

enum Held {
    Open(Database),
    /// It failed, and could not be opened again so far.
    Failed,
    Closed,
}

/// What a writing transaction did, with its answer.
pub(crate) enum Written<T> {
    /// Commit it.
    Changed(T),
    /// Nothing: a commit would cost and change nothing.
    Unchanged(T),
}

impl Handle {
    pub(crate) fn new(place: Place, database: Database) -> Self {
        Self {
            dedup: place.options().dedup,
            durability: place.options().durability,
            commits: AtomicU32::new(0),
            place,
            database: RwLock::new(Held::Open(database)),
            has_failed: AtomicBool::new(false),
            writer: Arc::default(),
        }
    }

    /// Reads the last commit.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        action: &'static str,
        read: impl FnOnce(&ReadTransaction) -> error::Result<T> + Send + 'static,
    ) -> Result<T> {
        let handle = Arc::clone(self);
        unblock(action, move || {
            let guard = handle.usable(action)?;
            let database = opened(&guard, action)?;
            let read = || read(&database.begin_read()?);
            read().map_err(|fault| handle.failed(fault, action))
        })
        .await
    }

    /// Writes in a transaction of its own, which goes on to its end when the future is dropped
    /// after it began.
    pub(crate) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        action: &'static str,
        write: impl FnOnce(&WriteTransaction) -> error::Result<Written<T>> + Send + 'static,
    ) -> Result<T> {
        let turn = self.writer.lock_arc().await;
        let handle = Arc::clone(self);
        unblock(action, move || {
            let _turn = turn;
            let guard = handle.usable(action)?;
            let database = opened(&guard, action)?;
            handle.transact(database, write).map_err(|fault| handle.failed(fault, action))
        })
        .await
    }

    pub(crate) async fn compact(self: &Arc<Self>) -> Result<bool> {
        const ACTION: &str = "compact its file";
        let turn = self.writer.lock_arc().await;
        let handle = Arc::clone(self);
        unblock(ACTION, move || {
            let _turn = turn;
            drop(handle.usable(ACTION)?);
            let mut guard = handle.lock_alone();
            let Held::Open(database) = &mut *guard else { return Err(closed(ACTION)) };
            database.compact().map_err(|error| handle.failed(error.into(), ACTION))
        })
        .await
    }

    /// Waits for what runs, makes all commits durable and lets go of the file.
    pub(crate) async fn close(self: &Arc<Self>) -> Result<()> {
        const ACTION: &str = "close its file";
        let turn = self.writer.lock_arc().await;
        let handle = Arc::clone(self);
        unblock(ACTION, move || {
            let _turn = turn;
            // What failed is closed in good order where it can be.
            let opened_again = handle.usable(ACTION).map(drop);
            let held = std::mem::replace(&mut *handle.lock_alone(), Held::Closed);
            let closed = match held {
                Held::Open(database) => handle.finish(database),
                Held::Failed | Held::Closed => Ok(()),
            };
            let let_go = handle.place.close();
            opened_again?;
            closed.map_err(|fault| fault.during(ACTION))?;
            let_go.map_err(|error| Error::engine(BACKEND, ACTION, error))
        })
        .await
    }

    fn finish(&self, database: Database) -> error::Result<()> {
        let flush = || -> error::Result<()> { Ok(database.begin_write()?.commit()?) };
        let flushed = match self.durability {
            Durability::Eventual => flush(),
            Durability::Immediate => Ok(()),
        };
        let closed = database.close().map_err(Fault::from);
        flushed.and(closed)
    }

    fn transact<T>(
        &self,
        database: &Database,
        write: impl FnOnce(&WriteTransaction) -> error::Result<Written<T>>,
    ) -> error::Result<T> {
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

    /// The error for callers. After one of the disk the next call opens the database again.
    fn failed(&self, fault: Fault, action: &'static str) -> Error {
        if fault.puts_out_of_use() {
            self.has_failed.store(true, Ordering::Release);
        }
        fault.during(action)
    }

    /// The database, opened again if it failed. That repairs it as after a crash.
    fn usable(&self, action: &'static str) -> Result<RwLockReadGuard<'_, Held>> {
        if self.has_failed.load(Ordering::Acquire) {
            let mut held = self.lock_alone();
            if self.has_failed.load(Ordering::Acquire) && !matches!(*held, Held::Closed) {
                if self.durability == Durability::Eventual {
                    return Err(Error::engine(BACKEND, action, TAKEN_BACK));
                }
                // One that failed must be gone before the next reads what it wrote.
                *held = Held::Failed;
                *held = Held::Open(self.place.database(false)?);
                self.has_failed.store(false, Ordering::Release);
            }
        }
        Ok(self.database.read().unwrap_or_else(PoisonError::into_inner))
    }

    // A panic while the lock is held is a bug that the caller has seen; redb takes the transaction back.
    fn lock_alone(&self) -> RwLockWriteGuard<'_, Held> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
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

fn opened<'a>(guard: &'a RwLockReadGuard<'_, Held>, action: &'static str) -> Result<&'a Database> {
    match &**guard {
        Held::Open(database) => Ok(database),
        Held::Failed => Err(Fault::Engine(redb::Error::PreviousIo).during(action)),
        Held::Closed => Err(closed(action)),
    }
}

fn closed(action: &'static str) -> Error {
    Error::engine(BACKEND, action, "it was closed: open it again")
}
