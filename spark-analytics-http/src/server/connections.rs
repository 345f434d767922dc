//! The connections of a server: a bounded number of slots, the memory that each holds, and the choice of the
//! connection to evict when either runs out.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::min_rate::FAR;
use super::options::ServeOptions;
use crate::problem::Problem;

/// Upper bound of [`ServeOptions::connections`].
const MAX_CONNECTIONS: usize = 1 << 16;
/// Interval between attempts to find an evictable connection while all are busy.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);
/// How long to wait for an evicted connection to close. It stays open if a request arrived in the meantime.
const CLOSES_WITHIN: Duration = Duration::from_millis(500);

// States of a slot, stored in place of a deadline.
/// A request is being processed.
const PROCESSING: u64 = u64::MAX;
/// The connection was asked to close.
const EVICTED: u64 = u64::MAX - 1;
/// No connection uses the slot.
const FREE: u64 = u64::MAX - 2;

/// The connections of a server, bounded in number and in the memory that they hold.
///
/// Each connection has a deadline by which its client must act. When a slot is needed, the connection with the
/// earliest deadline is evicted – that is, the one idle or stalled longest. A connection whose request is being
/// processed is never evicted.
#[derive(Debug)]
pub(crate) struct Connections {
    started: Instant,
    header_timeout: Duration,
    max_held_bytes: usize,
    held_bytes: AtomicUsize,
    /// The deadline of each slot in microseconds since the start, or one of the states above.
    deadlines: Box<[AtomicU64]>,
    /// The bytes that each slot holds.
    held_by_slot: Box<[AtomicUsize]>,
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Debug)]
struct Open {
    free: Vec<usize>,
    /// Notified when the connection in a slot is evicted.
    evict: Vec<Arc<Notify>>,
}

impl Connections {
    pub(crate) fn new(options: &ServeOptions) -> Arc<Self> {
        let count = options.connections.clamp(1, MAX_CONNECTIONS);
        Arc::new(Self {
            started: Instant::now(),
            header_timeout: options.header_timeout.min(FAR),
            max_held_bytes: options.held_bytes,
            held_bytes: AtomicUsize::new(0),
            deadlines: (0..count).map(|_| AtomicU64::new(FREE)).collect(),
            held_by_slot: (0..count).map(|_| AtomicUsize::new(0)).collect(),
            open: Mutex::new(Open {
                free: (0..count).rev().collect(),
                evict: vec![Arc::default(); count],
            }),
            freed: Notify::new(),
        })
    }

    /// A slot for a new connection. If none is free, evicts a connection, or waits for one to become evictable.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Arc<Slot> {
        loop {
            if let Some(slot) = self.free_slot() {
                return slot;
            }
            let has_evicted = self.evict_one(|_| true);
            let until = Instant::now() + if has_evicted { CLOSES_WITHIN } else { RETRY_INTERVAL };
            // The notification may be an old one, from a slot that has been taken since.
            while timeout_at(until, self.freed.notified()).await.is_ok() {
                if let Some(slot) = self.free_slot() {
                    return slot;
                }
            }
        }
    }

    fn free_slot(self: &Arc<Self>) -> Option<Arc<Slot>> {
        let evict = Arc::new(Notify::new());
        let mut open = self.open();
        let index = open.free.pop()?;
        open.evict[index] = Arc::clone(&evict);
        drop(open);
        let is_processing = AtomicBool::new(false);
        let slot = Slot { connections: Arc::clone(self), index, evict, is_processing };
        slot.wait_for_head();
        Some(Arc::new(slot))
    }

    /// Asks the candidate with the earliest deadline to close; returns false if there is none.
    fn evict_one(&self, is_candidate: impl Fn(usize) -> bool) -> bool {
        // Locked until the connection is notified: the notification must not reach another one that takes the
        // slot meanwhile.
        let open = self.open();
        loop {
            let deadlines = self.deadlines.iter().map(|at| at.load(Ordering::Relaxed)).enumerate();
            let waiting = deadlines.filter(|(index, at)| *at < FREE && is_candidate(*index));
            let Some((index, at)) = waiting.min_by_key(|(_, at)| *at) else { return false };
            let slot = &self.deadlines[index];
            if slot.compare_exchange(at, EVICTED, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                self.set_held(index, 0);
                open.evict[index].notify_one();
                return true;
            }
        }
    }

    /// Records the bytes that a slot holds, and returns the previous number.
    fn set_held(&self, index: usize, bytes: usize) -> usize {
        let before = self.held_by_slot[index].swap(bytes, Ordering::Relaxed);
        if bytes >= before {
            self.held_bytes.fetch_add(bytes - before, Ordering::Relaxed);
        } else {
            self.held_bytes.fetch_sub(before - bytes, Ordering::Relaxed);
        }
        before
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slot of a connection; dropping it frees the slot and all memory reserved for it.
#[derive(Debug)]
pub(crate) struct Slot {
    connections: Arc<Connections>,
    index: usize,
    evict: Arc<Notify>,
    /// Whether a request is in progress, including the time spent waiting for its body.
    is_processing: AtomicBool,
}

impl Slot {
    /// Completes when the connection is asked to close.
    pub(crate) async fn evicted(&self) {
        self.evict.notified().await;
    }

    /// Whether the connection must still close: no request has arrived since it was asked to.
    pub(crate) fn is_evicted(&self) -> bool {
        self.connections.deadlines[self.index].load(Ordering::Relaxed) == EVICTED
    }

    /// A request has arrived.
    pub(crate) fn request_started(&self) {
        self.is_processing.store(true, Ordering::Relaxed);
        self.set(PROCESSING);
    }

    /// Its response, or a piece of it, is ready to be sent.
    pub(crate) fn response_ready(&self) {
        self.is_processing.store(false, Ordering::Relaxed);
        self.wait_for_head();
    }

    /// The client waits for the server, which reads the next piece of the response.
    pub(crate) fn response_continues(&self) {
        self.is_processing.store(true, Ordering::Relaxed);
        self.set_unless_evicted(PROCESSING);
    }

    /// The server waits for more of the body.
    pub(crate) fn wait_for_body(&self, until: Instant) {
        self.wait(until);
    }

    /// More of the body has arrived. This does not save an evicted connection, or a client that sends single bytes
    /// could keep it open.
    pub(crate) fn body_arrived(&self) {
        if self.is_processing.load(Ordering::Relaxed) {
            self.set_unless_evicted(PROCESSING);
        } else {
            self.wait_for_head();
        }
    }

    /// The server waits for the client to read its response.
    pub(crate) fn wait_for_reader(&self, until: Instant) {
        if !self.is_processing.load(Ordering::Relaxed) {
            self.wait(until);
        }
    }

    /// The client has read some of its response.
    pub(crate) fn response_moved(&self) {
        if !self.is_processing.load(Ordering::Relaxed) {
            self.wait_for_head();
        }
    }

    /// Reserves `bytes` for this connection, in place of what it held before. If the total would exceed the limit,
    /// stalled connections that hold memory are evicted; if there are none, the call fails and the reservation is
    /// unchanged. Reserving less never fails.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<(), Full> {
        let connections = &*self.connections;
        let before = connections.set_held(self.index, bytes);
        while bytes > before
            && connections.held_bytes.load(Ordering::Relaxed) > connections.max_held_bytes
        {
            let holds_memory = |index: usize| {
                index != self.index && connections.held_by_slot[index].load(Ordering::Relaxed) > 0
            };
            if !connections.evict_one(holds_memory) {
                connections.set_held(self.index, before);
                return Err(Full);
            }
        }
        Ok(())
    }

    fn wait_for_head(&self) {
        self.wait(Instant::now() + self.connections.header_timeout);
    }

    fn wait(&self, until: Instant) {
        let micros = until.saturating_duration_since(self.connections.started).as_micros();
        self.set_unless_evicted(u64::try_from(micros).unwrap_or(FREE).min(FREE - 1));
    }

    /// An evicted connection closes unless a request arrives; nothing else changes that.
    fn set_unless_evicted(&self, deadline: u64) {
        let is_open = |now| (now != EVICTED).then_some(deadline);
        let _ = self.connections.deadlines[self.index].fetch_update(
            Ordering::Relaxed,
            Ordering::Relaxed,
            is_open,
        );
    }

    fn set(&self, deadline: u64) {
        self.connections.deadlines[self.index].store(deadline, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let connections = &*self.connections;
        connections.set_held(self.index, 0);
        self.set(FREE);
        connections.open().free.push(self.index);
        connections.freed.notify_one();
    }
}

/// The server holds as much memory for its clients as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl From<Full> for Problem {
    fn from(Full: Full) -> Self {
        let detail =
            "the server's buffer limit is reached; retry later, preferably in smaller batches";
        Self::unavailable(detail, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_keeps_an_evicted_connection_open_and_a_piece_of_a_body_does_not() {
        let connections = Connections::new(&ServeOptions::default().connections(1));
        let slot = connections.acquire().await;
        assert!(connections.evict_one(|_| true));
        slot.request_started();
        assert!(!slot.is_evicted(), "a request has arrived");
        assert!(!connections.evict_one(|_| true), "a request is being processed");
        slot.wait_for_body(Instant::now() + Duration::from_secs(30));
        assert!(connections.evict_one(|_| true));
        slot.body_arrived();
        slot.wait_for_body(Instant::now() + Duration::from_secs(30));
        assert!(slot.is_evicted());
    }
}
