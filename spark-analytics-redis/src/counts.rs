//! Counts of hits, misses and failures.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of a [`RedisCached`](crate::RedisCached) and its clones since it was opened.
///
/// Each read of a job, or of the roll-ups of a range short enough to cache, counts once: as a hit, as a miss, or as
/// bypassed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counts {
    /// Reads answered by Redis alone.
    pub hits: u64,
    /// Reads for which Redis lacked some values, so that the store was read.
    pub misses: u64,
    /// Reads answered by the store because Redis was unavailable or did not respond.
    pub bypassed: u64,
    /// Calls to Redis that failed or timed out.
    pub errors: u64,
    /// Values read from the store that were not cached because a write had overtaken the read.
    pub refused: u64,
    /// How often all entries were invalidated because single ones could not be.
    pub flushes: u64,
    /// Whether Redis is being read now.
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
