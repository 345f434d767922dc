//! A gate at which the batches of a store wait until a test lets them through.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use futures::FutureExt;
use spark_analytics_core::{Error, MemoryStore};

use crate::probe::{Call, Probe, When};

/// Holds up the calls of its [`store`](Self::store): batches before they are stored, and on request
/// reads of a job before they return. Clones share the gate.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The number of calls that may still pass, and the tasks that wait.
    open_for: Mutex<(usize, Vec<Waker>)>,
    /// The sizes of the batches that have arrived.
    arrived: Mutex<Vec<usize>>,
    failures: AtomicUsize,
    holds_reads: AtomicBool,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store behind the gate.
    pub fn store(&self) -> Probe<MemoryStore> {
        let gate = self.clone();
        Probe::new(MemoryStore::default(), move |when, call| {
            let gate = gate.clone();
            match (when, call) {
                (When::Before, Call::Ingest(events)) => {
                    gate.shared
                        .arrived
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(events.len());
                    async move {
                        gate.pass().await;
                        let failures = &gate.shared.failures;
                        let order = Ordering::SeqCst;
                        match failures.fetch_update(order, order, |n| n.checked_sub(1)) {
                            Ok(_) => Err(Error::engine(
                                "gated",
                                "ingest a batch",
                                "the test asked for it",
                            )),
                            Err(_) => Ok(()),
                        }
                    }
                    .boxed()
                }
                (When::After, Call::Job(_)) if gate.shared.holds_reads.load(Ordering::SeqCst) => {
                    async move {
                        gate.pass().await;
                        Ok(())
                    }
                    .boxed()
                }
                _ => std::future::ready(Ok(())).boxed(),
            }
        })
    }

    /// Lets this many more calls through.
    pub fn let_through(&self, calls: usize) {
        let mut open_for = self.shared.open_for.lock().unwrap_or_else(PoisonError::into_inner);
        open_for.0 = open_for.0.saturating_add(calls);
        open_for.1.drain(..).for_each(Waker::wake);
    }

    /// Makes this many of the next batches fail once they are let through.
    pub fn fail_next(&self, batches: usize) {
        self.shared.failures.store(batches, Ordering::SeqCst);
    }

    /// Whether reads of a job wait at the gate with their result.
    pub fn hold_reads(&self, holds: bool) {
        self.shared.holds_reads.store(holds, Ordering::SeqCst);
    }

    /// The sizes of the batches that have arrived at the gate.
    pub fn arrived(&self) -> Vec<usize> {
        self.shared.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn pass(&self) {
        std::future::poll_fn(|context| {
            let mut open_for = self.shared.open_for.lock().unwrap_or_else(PoisonError::into_inner);
            if open_for.0 == 0 {
                open_for.1.push(context.waker().clone());
                return Poll::Pending;
            }
            open_for.0 -= 1;
            Poll::Ready(())
        })
        .await;
    }
}
