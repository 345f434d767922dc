//! Which connections there are, what each holds, and which has to go when there is no room for another.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::min_rate::FAR;
use super::options::ServeOptions;
use crate::problem::Problem;

/// More are not counted apart, whatever is asked for.
const MOST_CONNECTIONS: usize = 1 << 16;
/// How long it takes to look again for one that can go when all have requests under way.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long one that was told to close is waited for: a request may have come in between, so that it stays.
const CLOSES_WITHIN: Duration = Duration::from_millis(500);

/// In place of a time: the server is at work for it, it has been told to close, there is none.
const AT_WORK: u64 = u64::MAX;
const CLOSING: u64 = u64::MAX - 1;
const FREE: u64 = u64::MAX - 2;

/// The connections of a server: at most so many, which hold at most so many bytes for their clients.
///
/// Of each it is known until when the server waits for its client. When there is no room the one goes whose
/// time is up first, so those go that have kept the server waiting longest: they idle, dawdle over a head or a
/// body, or do not take their answer. One for which the server is at work never goes.
#[derive(Debug)]
pub(crate) struct Connections {
    started: Instant,
    head_timeout: Duration,
    most_held: usize,
    held: AtomicUsize,
    /// For each slot until when the server waits, in microseconds since the start.
    due: Box<[AtomicU64]>,
    /// For each slot the bytes that it holds.
    holds: Box<[AtomicUsize]>,
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Debug)]
struct Open {
    free: Vec<usize>,
    close: Vec<Arc<Notify>>,
}

impl Connections {
    pub(crate) fn new(options: &ServeOptions) -> Arc<Self> {
        let count = options.connections.clamp(1, MOST_CONNECTIONS);
        Arc::new(Self {
            started: Instant::now(),
            head_timeout: options.header_timeout.min(FAR),
            most_held: options.held_bytes,
            held: AtomicUsize::new(0),
            due: (0..count).map(|_| AtomicU64::new(FREE)).collect(),
            holds: (0..count).map(|_| AtomicUsize::new(0)).collect(),
            open: Mutex::new(Open {
                free: (0..count).rev().collect(),
                close: vec![Arc::default(); count],
            }),
            freed: Notify::new(),
        })
    }

    /// A slot for one more; closes another connection if there is none.
    pub(crate) async fn slot(self: &Arc<Self>) -> Arc<Slot> {
        loop {
            if let Some(slot) = self.free_slot() {
                return slot;
            }
            let is_closing = self.close_first_due(|_| true);
            let until = Instant::now() + if is_closing { CLOSES_WITHIN } else { LOOK_AGAIN };
            // It may have been one that was free before.
            while timeout_at(until, self.freed.notified()).await.is_ok() {
                if let Some(slot) = self.free_slot() {
                    return slot;
                }
            }
        }
    }

    fn free_slot(self: &Arc<Self>) -> Option<Arc<Slot>> {
        let close = Arc::new(Notify::new());
        let mut open = self.open();
        let index = open.free.pop()?;
        open.close[index] = Arc::clone(&close);
        drop(open);
        let is_at_work = AtomicBool::new(false);
        let slot = Slot { connections: Arc::clone(self), index, close, is_at_work };
        slot.waits_for_head();
        Some(Arc::new(slot))
    }

    /// Tells one to close: of those that the server waits for and that are meant, the first that is due.
    fn close_first_due(&self, is_meant: impl Fn(usize) -> bool) -> bool {
        // Held until it is told, so that a connection that gets the slot meanwhile is not meant.
        let open = self.open();
        loop {
            let due = self.due.iter().map(|due| due.load(Ordering::Relaxed)).enumerate();
            let waiting = due.filter(|(index, due)| *due < FREE && is_meant(*index));
            let Some((index, due)) = waiting.min_by_key(|(_, due)| *due) else { return false };
            let slot = &self.due[index];
            if slot.compare_exchange(due, CLOSING, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                self.set_held(index, 0);
                open.close[index].notify_one();
                return true;
            }
        }
    }

    /// Notes what a slot holds, and tells what it held before.
    fn set_held(&self, index: usize, bytes: usize) -> usize {
        let before = self.holds[index].swap(bytes, Ordering::Relaxed);
        if bytes >= before {
            self.held.fetch_add(bytes - before, Ordering::Relaxed);
        } else {
            self.held.fetch_sub(before - bytes, Ordering::Relaxed);
        }
        before
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's slot among the others; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connections: Arc<Connections>,
    index: usize,
    close: Arc<Notify>,
    /// Whether a request is under way, also while its body is waited for.
    is_at_work: AtomicBool,
}

impl Slot {
    /// Waits until the connection has to go.
    pub(crate) async fn closes(&self) {
        self.close.notified().await;
    }

    /// Whether it has to go still: no request has come since it was told.
    pub(crate) fn is_closing(&self) -> bool {
        self.connections.due[self.index].load(Ordering::Relaxed) == CLOSING
    }

    /// A request has come.
    pub(crate) fn works(&self) {
        self.is_at_work.store(true, Ordering::Relaxed);
        self.set(AT_WORK);
    }

    /// Its answer is there.
    pub(crate) fn has_answered(&self) {
        self.is_at_work.store(false, Ordering::Relaxed);
        self.waits_for_head();
    }

    /// The server waits for more of a body.
    pub(crate) fn waits_for_body(&self, until: Instant) {
        self.waits(until);
    }

    /// More of a body has come. Who sends one byte by byte does not keep a connection that has to go.
    pub(crate) fn has_read(&self) {
        if self.is_at_work.load(Ordering::Relaxed) {
            self.set_unless_closing(AT_WORK);
        } else {
            self.waits_for_head();
        }
    }

    /// The server waits for the client to take its answer.
    pub(crate) fn waits_to_write(&self, until: Instant) {
        if !self.is_at_work.load(Ordering::Relaxed) {
            self.waits(until);
        }
    }

    /// The client has taken some of its answer.
    pub(crate) fn has_written(&self) {
        if !self.is_at_work.load(Ordering::Relaxed) {
            self.waits_for_head();
        }
    }

    /// Holds so many bytes for its client from now on. If that is too much with all the others, those go that hold
    /// some and are waited for; if the server is at work for all of them it fails, and holds what it held.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), Full> {
        let connections = &*self.connections;
        let before = connections.set_held(self.index, bytes);
        while bytes > before && connections.held.load(Ordering::Relaxed) > connections.most_held {
            let holds_some = |index: usize| {
                index != self.index && connections.holds[index].load(Ordering::Relaxed) > 0
            };
            if !connections.close_first_due(holds_some) {
                connections.set_held(self.index, before);
                return Err(Full);
            }
        }
        Ok(())
    }

    fn waits_for_head(&self) {
        self.waits(Instant::now() + self.connections.head_timeout);
    }

    fn waits(&self, until: Instant) {
        let micros = until.saturating_duration_since(self.connections.started).as_micros();
        self.set_unless_closing(u64::try_from(micros).unwrap_or(FREE).min(FREE - 1));
    }

    /// One that was told to close goes unless a request has come.
    fn set_unless_closing(&self, due: u64) {
        let is_open = |now| (now != CLOSING).then_some(due);
        let _ = self.connections.due[self.index].fetch_update(
            Ordering::Relaxed,
            Ordering::Relaxed,
            is_open,
        );
    }

    fn set(&self, due: u64) {
        self.connections.due[self.index].store(due, Ordering::Relaxed);
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

/// The server holds as much as it may.
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
    async fn a_request_keeps_a_connection_that_has_to_go_and_a_piece_of_a_body_does_not() {
        let connections = Connections::new(&ServeOptions::default().connections(1));
        let slot = connections.slot().await;
        assert!(connections.close_first_due(|_| true));
        slot.works();
        assert!(!slot.is_closing(), "a request has come");
        assert!(!connections.close_first_due(|_| true), "the server is at work");
        slot.waits_for_body(Instant::now() + Duration::from_secs(30));
        assert!(connections.close_first_due(|_| true));
        slot.has_read();
        slot.waits_for_body(Instant::now() + Duration::from_secs(30));
        assert!(slot.is_closing());
    }
}
