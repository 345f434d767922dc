//! What could not be taken, kept for debugging: concurrent rejections in one write.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spark_analytics_core::{Rejection, Store};

/// Rejected input on its way into the store.
#[derive(Debug)]
pub(crate) struct Rejections {
    store: Arc<dyn Store>,
    waiting: Mutex<Vec<Rejection>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Rejections {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, waiting: Mutex::default(), turn: Arc::default() }
    }

    /// Keeps rejections, and all that came while another write ran. When it returns, they are in the
    /// store, or a warning is in the log: an answer to a bad event does not depend on it.
    pub(crate) async fn keep(&self, rejections: Vec<Rejection>) {
        if rejections.is_empty() {
            return;
        }
        lock(&self.waiting).extend(rejections);
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let waiting = mem::take(&mut *lock(&self.waiting));
        if waiting.is_empty() {
            return;
        }
        let store = Arc::clone(&self.store);
        // A task of its own: the others' rejections must not go when this caller does.
        let write = tokio::spawn(async move {
            let count = waiting.len();
            if let Err(error) = store.reject(waiting).await {
                tracing::warn!(count, %error, "rejected input was not kept");
            }
            drop(turn);
        });
        if let Err(error) = write.await {
            tracing::warn!(%error, "rejected input was not kept");
        }
    }
}

/// No panic can happen while the lock is held, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
