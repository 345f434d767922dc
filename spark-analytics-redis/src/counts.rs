//! How the cache has done.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`RedisCached`](crate::RedisCached) and its clones have counted since it was made.
///
/// Each read of a job, and of roll-ups of a range that can be cached, is one of `hits`, `misses` and `bypassed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counts {
    /// Reads answered by Redis alone.
    pub hits: u64,
    /// Reads for which Redis had not all, so that the store was read.
    pub misses: u64,
    /// Reads answered by the store because Redis was away or gave no answer.
    pub bypassed: u64,
    /// Calls to Redis that failed or took too long.
    pub errors: u64,
    /// Answers of the store that were not kept because a write had overtaken them.
    pub refused: u64,
    /// How often all entries were made stale, because single ones could not be.
    pub flushes: u64,
    /// Whether Redis is in use now.
    pub is_available: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) bypassed: Counter,
    pub(crate) errors: Counter,
    pub(crate) refused: Counter,
    pub(crate) flushes: Counter,
}

impl Counters {
    pub(crate) fn snapshot(&self, is_available: bool) -> Counts {
        Counts {
            hits: self.hits.get(),
            misses: self.misses.get(),
            bypassed: self.bypassed.get(),
            errors: self.errors.get(),
            refused: self.refused.get(),
            flushes: self.flushes.get(),
            is_available,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
