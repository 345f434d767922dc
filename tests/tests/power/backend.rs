//! Storage of redb on a [`Disk`].

use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use redb::{BackendError, StorageBackend};

use crate::disk::{Access, Disk};
use crate::tape::{Image, Step, write};

type Result<T, E = Error> = std::result::Result<T, E>;

/// The only file of a disk, which can be open once at a time.
#[derive(Debug)]
pub(crate) struct Backend {
    disk: Arc<Disk>,
    content: Arc<Mutex<Vec<u8>>>,
    is_locked: Arc<AtomicBool>,
    /// Whether this instance has the lock.
    has_lock: AtomicBool,
}

/// The name of that file.
pub(crate) const NAME: &str = "store.redb";

/// A disk with a file, and the content of the file.
#[derive(Clone, Debug)]
pub(crate) struct OneFile {
    pub(crate) disk: Arc<Disk>,
    content: Arc<Mutex<Vec<u8>>>,
    is_locked: Arc<AtomicBool>,
}

impl OneFile {
    pub(crate) fn of(mut image: Image) -> Self {
        let content = image.entry(NAME.to_owned()).or_default().clone();
        Self {
            disk: Disk::new(image),
            content: Arc::new(Mutex::new(content)),
            is_locked: Arc::default(),
        }
    }

    pub(crate) fn backend(&self) -> Backend {
        let Self { disk, content, is_locked } = self.clone();
        Backend { disk, content, is_locked, has_lock: AtomicBool::new(false) }
    }
}

impl Backend {
    fn access(&self, access: Access) -> Result<()> {
        self.disk.access(access).map_err(Error::from_raw_os_error)
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64> {
        Ok(self.content.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.access(Access::Read)?;
        let content = self.content.lock().unwrap();
        let at = offset as usize;
        let held = content.get(at..at + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(held);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.access(Access::SetLen)?;
        self.content.lock().unwrap().resize(len as usize, 0);
        self.disk.done(Step::SetLen { file: 0, len });
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        let done = self.access(Access::Sync);
        let step = if done.is_ok() { Step::Sync { file: 0 } } else { Step::SyncFailed { file: 0 } };
        self.disk.done(step);
        done
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.access(Access::Write)?;
        write(&mut self.content.lock().unwrap(), offset, data);
        self.disk.done(Step::Write { file: 0, at: offset, bytes: data.to_vec() });
        Ok(())
    }

    fn close(&self) -> Result<()> {
        if self.has_lock.swap(false, Ordering::AcqRel) {
            self.is_locked.store(false, Ordering::Release);
        }
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        // The whole file, as redb does for storage without range locks.
        match (start, end) {
            (Bound::Unbounded, Bound::Unbounded) => {
                let is_free = !self.is_locked.swap(true, Ordering::AcqRel);
                self.has_lock.fetch_or(is_free, Ordering::AcqRel);
                Ok(is_free)
            }
            _ => Err(BackendError::Unsupported),
        }
    }
}
