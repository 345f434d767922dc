//! Rejected input, kept for debugging: concurrent rejections share a write.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spark_analytics_core::{MAX_REJECTED, Rejection, Store};

/// Writes rejected input to the store.
#[derive(Debug)]
pub(crate) struct Rejections {
    queue: Arc<Queue>,
    is_awaited: bool,
}

#[derive(Debug)]
struct Queue {
    store: Arc<dyn Store>,
    waiting: Mutex<Vec<Rejection>>,
    turn: tokio::sync::Mutex<()>,
}

impl Rejections {
    /// Writes to this store; `is_awaited` says whether callers wait for their write.
    pub(crate) fn new(store: Arc<dyn Store>, is_awaited: bool) -> Self {
        let (waiting, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { queue: Arc::new(Queue { store, waiting, turn }), is_awaited }
    }

    /// Writes rejections, together with all that arrived while another write ran. When it returns, they are in the
    /// store, or a warning is in the log: a failure does not change the response to a bad event. They are written
    /// even if the caller is dropped. If writes are not awaited, it returns immediately.
    pub(crate) async fn keep(&self, rejections: Vec<Rejection>) {
        if rejections.is_empty() {
            return;
        }
        self.queue.add(rejections);
        let queue = Arc::clone(&self.queue);
        if !self.is_awaited {
            tokio::spawn(async move { queue.write_in_turn().await });
        } else if let Err(error) = tokio::spawn(async move { queue.write().await }).await {
            tracing::warn!(%error, "failed to store rejected input");
        }
    }
}

impl Queue {
    fn add(&self, rejections: Vec<Rejection>) {
        let mut waiting = lock(&self.waiting);
        waiting.extend(rejections);
        // A store keeps only the newest of them, too.
        let too_many = waiting.len().saturating_sub(MAX_REJECTED);
        waiting.drain(..too_many);
    }

    /// Writes unless another task is writing, which then writes these as well.
    async fn write_in_turn(&self) {
        while !lock(&self.waiting).is_empty() {
            let Ok(_turn) = self.turn.try_lock() else { return };
            self.write_waiting().await;
        }
    }

    async fn write(&self) {
        let _turn = self.turn.lock().await;
        self.write_waiting().await;
    }

    async fn write_waiting(&self) {
        let waiting = mem::take(&mut *lock(&self.waiting));
        let count = waiting.len();
        if count > 0
            && let Err(error) = self.store.reject(waiting).await
        {
            tracing::warn!(count, %error, "failed to store rejected input");
        }
    }
}

/// Nothing panics while the lock is held, so the data of a poisoned lock is intact.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
