//! A map whose entries are bounded in bytes and in age.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::weight::Weigh;
use crate::sync::{Mutex, lock};

/// Number of parts of a shelf; a write to one part does not affect reads of the others.
const PARTS: usize = 64;
/// No entry may have more than this part of a shelf's bytes: it would evict what is asked for more often.
const LARGEST_PART: usize = 8;

/// A map bounded in bytes, with an age limit, that never stores a value read before a concurrent write.
pub(super) struct Shelf<K, V> {
    age: Duration,
    /// In bytes.
    capacity: usize,
    held: AtomicUsize,
    hasher: RandomState,
    pub(super) lookups: Lookups,
    parts: Vec<Mutex<Part<K, V>>>,
}

#[derive(Default)]
pub(super) struct Lookups {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
}

struct Part<K, V> {
    /// Counts the writes that touched the part.
    version: u64,
    entries: HashMap<K, Entry<V>>,
    swept_at: Instant,
}

struct Entry<V> {
    read_at: Instant,
    bytes: usize,
    value: V,
}

/// A miss that may fill the entry unless a write has touched its part since.
pub(super) struct Read {
    version: u64,
    since: Instant,
}

impl<K, V> fmt::Debug for Shelf<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { age, capacity, held, .. } = self;
        f.debug_struct("Shelf")
            .field("age", age)
            .field("capacity", capacity)
            .field("held", held)
            .finish_non_exhaustive()
    }
}

impl<K: Hash + Eq + Weigh, V: Clone + Weigh> Shelf<K, V> {
    pub(super) fn new(capacity: usize, age: Duration) -> Self {
        let swept_at = Instant::now();
        let part = || Mutex::new(Part { version: 0, entries: HashMap::new(), swept_at });
        Self {
            age,
            capacity,
            held: AtomicUsize::new(0),
            hasher: RandomState::new(),
            lookups: Lookups::default(),
            parts: (0..PARTS).map(|_| part()).collect(),
        }
    }

    /// The bytes of all entries.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(super) fn look_up(&self, key: &K) -> Result<V, Read> {
        let part = lock(&self.parts[self.part(key)]);
        let since = Instant::now();
        match part.entries.get(key) {
            Some(entry) if since.duration_since(entry.read_at) < self.age => {
                self.lookups.hits.fetch_add(1, Ordering::Relaxed);
                Ok(entry.value.clone())
            }
            _ => {
                self.lookups.misses.fetch_add(1, Ordering::Relaxed);
                Err(Read { version: part.version, since })
            }
        }
    }

    pub(super) fn fill(&self, read: Read, key: K, value: V) {
        let bytes = size_of::<(K, Entry<V>)>() + key.heap() + value.heap();
        if bytes > self.capacity / LARGEST_PART {
            return;
        }
        let index = self.part(&key);
        let mut part = lock(&self.parts[index]);
        if part.version != read.version {
            return;
        }
        let now = Instant::now();
        if now.duration_since(part.swept_at) >= self.age {
            self.sweep_part(&mut part, now);
        }
        self.held.fetch_add(bytes, Ordering::Relaxed);
        if let Some(old) = part.entries.insert(key, Entry { read_at: read.since, bytes, value }) {
            self.held.fetch_sub(old.bytes, Ordering::Relaxed);
        }
        drop(part);
        // Any entry will do as one to evict; the new one is the last.
        for distance in 1..=PARTS {
            if self.held() <= self.capacity {
                break;
            }
            let mut part = lock(&self.parts[(index + distance) % PARTS]);
            self.keep(&mut part, |_| self.held() <= self.capacity);
        }
    }

    pub(super) fn forget(&self, key: &K) {
        let mut part = lock(&self.parts[self.part(key)]);
        part.version += 1;
        if let Some(entry) = part.entries.remove(key) {
            self.held.fetch_sub(entry.bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn forget_all(&self) {
        for part in &self.parts {
            let mut part = lock(part);
            part.version += 1;
            self.keep(&mut part, |_| false);
        }
    }

    /// Drops all entries that are over age.
    pub(super) fn sweep(&self) {
        for part in &self.parts {
            self.sweep_part(&mut lock(part), Instant::now());
        }
    }

    fn sweep_part(&self, part: &mut Part<K, V>, now: Instant) {
        self.keep(part, |entry| now.duration_since(entry.read_at) < self.age);
        part.entries.shrink_to_fit();
        part.swept_at = now;
    }

    fn keep(&self, part: &mut Part<K, V>, is_kept: impl Fn(&Entry<V>) -> bool) {
        part.entries.retain(|_, entry| {
            let is_kept = is_kept(entry);
            if !is_kept {
                self.held.fetch_sub(entry.bytes, Ordering::Relaxed);
            }
            is_kept
        });
    }

    fn part(&self, key: &K) -> usize {
        self.hasher.hash_one(key) as usize % PARTS
    }
}
