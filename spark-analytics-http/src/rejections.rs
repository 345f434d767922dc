//! What could not be taken, kept for debugging: concurrent rejections in one write.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spark_analytics_core::{MAX_REJECTED, Rejection, Store};

/// Rejected input on its way into the store.
#[derive(Debug)]
pub(crate) struct Rejections {
    queue: Arc<Queue>,
    waits: bool,
}

#[derive(Debug)]
struct Queue {
    store: Arc<dyn Store>,
    waiting: Mutex<Vec<Rejection>>,
    turn: tokio::sync::Mutex<()>,
}

impl Rejections {
    /// Into a store; with or without waiting for it.
    pub(crate) fn new(store: Arc<dyn Store>, waits: bool) -> Self {
        let (waiting, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { queue: Arc::new(Queue { store, waiting, turn }), waits }
    }

    /// Keeps rejections, and all that came while another write ran. When it returns, they are in the
    /// store, or a warning is in the log: an answer to a bad event does not depend on it. They are kept
    /// also if the caller goes away. Without waiting it returns at once.
    pub(crate) async fn keep(&self, rejections: Vec<Rejection>) {
        if rejections.is_empty() {
            return;
        }
        self.queue.add(rejections);
        let queue = Arc::clone(&self.queue);
        if !self.waits {
            tokio::spawn(async move { queue.write_in_turn().await });
        } else if let Err(error) = tokio::spawn(async move { queue.write().await }).await {
            tracing::warn!(%error, "rejected input was not kept");
        }
    }
}

impl Queue {
    fn add(&self, rejections: Vec<Rejection>) {
        let mut waiting = lock(&self.waiting);
        waiting.extend(rejections);
        // A store keeps no more than the newest of them either.
        let too_many = waiting.len().saturating_sub(MAX_REJECTED);
        waiting.drain(..too_many);
    }

    /// Writes unless another does, who then writes this, too.
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
            tracing::warn!(count, %error, "rejected input was not kept");
        }
    }
}

/// No panic can happen while the lock is held, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
