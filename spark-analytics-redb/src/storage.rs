//! The storage of a database: a file, or storage that the caller provides. It outlives a database that a disk error
//! has made unusable.

use std::collections::HashSet;
use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

type Result<T, E = Error> = std::result::Result<T, E>;
type Range = (Bound<u64>, Bound<u64>);

/// Storage with the locks on it, which last until it is closed or dropped.
#[derive(Debug)]
pub(crate) struct Storage {
    inner: Box<dyn StorageBackend>,
    locks: Mutex<HashSet<Range>>,
    /// Whether written data may exist only in the memory of the operating system, which believes it stored.
    sync_failed: AtomicBool,
    is_closed: AtomicBool,
}

impl Storage {
    pub(crate) fn new(inner: impl StorageBackend) -> Arc<Self> {
        Arc::new(Self {
            inner: Box::new(inner),
            locks: Mutex::default(),
            sync_failed: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        })
    }

    /// Releases the locks. Only for storage without a database.
    pub(crate) fn close(&self) -> Result<()> {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        // Another process that opens the file does not know of a failed sync.
        let stored = match self.sync_failed.load(Ordering::Acquire) {
            true => self.write_again(),
            false => Ok(()),
        };
        stored.and(self.inner.close())
    }

    fn locks(&self) -> MutexGuard<'_, HashSet<Range>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the creation of a database was interrupted. redb writes its magic number last; until then there are
    /// only its header and zeros.
    fn is_half_made(&self, len: u64) -> Result<bool> {
        let mut block = vec![0; BLOCK as usize];
        let mut at = 0;
        while at < len.min(MOST_MADE + 1) {
            block.truncate((len - at).min(BLOCK) as usize);
            self.inner.read(at, &mut block)?;
            // A crash may have left even less than the header.
            if at == 0 && block.len() > MAGIC {
                let header = MAGIC..HEADER.min(block.len());
                block[header].fill(0);
            }
            if block.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += block.len() as u64;
        }
        Ok(len <= MOST_MADE)
    }

    /// After a failed sync the operating system may believe data stored that is not, and would not write it with the
    /// next sync. So everything is written again, as it reads now.
    fn write_again(&self) -> Result<()> {
        let len = self.inner.len()?;
        let mut block = vec![0; BLOCK as usize];
        let mut at = 0;
        while at < len {
            block.truncate((len - at).min(BLOCK) as usize);
            self.inner.read(at, &mut block)?;
            self.inner.write(at, &block)?;
            at += block.len() as u64;
        }
        self.inner.sync_data()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // Errors were reported by `close`, if it was called.
        let _ = self.close();
    }
}

const BLOCK: u64 = 1 << 20;
/// The lengths of redb's magic number, and of the header that it starts.
const MAGIC: usize = 9;
const HEADER: usize = 320;
/// More than redb makes at first.
const MOST_MADE: u64 = 64 << 20;

/// The use of a storage by one database after another.
#[derive(Debug)]
pub(crate) struct Lease {
    storage: Arc<Storage>,
    /// Whether a database may be created if there is none.
    may_make: bool,
    is_ready: AtomicBool,
}

impl Lease {
    pub(crate) const fn new(storage: Arc<Storage>, may_make: bool) -> Self {
        Self { storage, may_make, is_ready: AtomicBool::new(false) }
    }

    /// Runs after the locks are acquired and before anything is read.
    fn make_ready(&self) -> Result<()> {
        if self.is_ready.load(Ordering::Acquire) {
            return Ok(());
        }
        if self.storage.sync_failed.load(Ordering::Acquire) {
            self.storage.write_again()?;
            self.storage.sync_failed.store(false, Ordering::Release);
        }
        let len = self.storage.inner.len()?;
        if self.may_make && len > 0 && self.storage.is_half_made(len)? {
            self.storage.inner.set_len(0)?;
        }
        if !self.may_make && len == 0 {
            return Err(Error::new(ErrorKind::InvalidData, "it is empty"));
        }
        self.is_ready.store(true, Ordering::Release);
        Ok(())
    }
}

impl StorageBackend for Lease {
    fn len(&self) -> Result<u64> {
        // The first thing that redb asks for once it has its locks.
        self.make_ready()?;
        self.storage.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.storage.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.storage.inner.set_len(len)
    }

    fn sync_data(&self) -> Result<()> {
        self.storage.inner.sync_data().inspect_err(|_| {
            self.storage.sync_failed.store(true, Ordering::Release);
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.storage.inner.write(offset, data)
    }

    // `close` does nothing: the storage keeps its locks for the next database.

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        let mut locks = self.storage.locks();
        if locks.contains(&(start, end)) {
            return Ok(true);
        }
        let is_locked = self.storage.inner.try_lock_range(start, end)?;
        if is_locked {
            locks.insert((start, end));
        }
        Ok(is_locked)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.inner.unlock_range(start, end)?;
        self.storage.locks().remove(&(start, end));
        Ok(())
    }
}
