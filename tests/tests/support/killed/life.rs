//! The process that is killed: it opens the store, sends everything, prunes, forgets, and reports each step.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use spark_analytics_core::{Analytics, PruneScope, Result, Store};

use super::stream::{Input, is_pruned, logs_pruned_before, pruned_before, removable, stream};
use super::{Orders, Storage};
use crate::support::random::Random;

/// Its reports, one per line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Opening,
    Open,
    Send(usize),
    Acknowledged(usize),
    Pruning,
    Pruned,
    Removing,
    Removed,
    Done,
}

impl Said {
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (word, number) = (words.next()?, words.next().and_then(|n| n.parse().ok()));
        Some(match (word, number) {
            ("opening", _) => Self::Opening,
            ("open", _) => Self::Open,
            ("send", Some(number)) => Self::Send(number),
            ("acknowledged", Some(number)) => Self::Acknowledged(number),
            ("pruning", _) => Self::Pruning,
            ("pruned", _) => Self::Pruned,
            ("removing", _) => Self::Removing,
            ("removed", _) => Self::Removed,
            ("done", _) => Self::Done,
            _ => return None,
        })
    }
}

/// Sends everything in its own order, with several callers at the same time.
pub(crate) async fn live<S: Storage>() {
    let orders = Orders::from_env();
    println!("\nopening");
    let store = S::open(&orders.place, orders.life).await;
    println!("open");
    taken(store.ingest_logs(removable().collect(), Vec::new()).await);
    let inputs = Arc::new(stream(S::INPUTS, orders.seed));
    let order = Arc::new(shuffled(inputs.len(), orders.life));
    let analytics = Analytics::new(store);
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..S::CALLERS)
        .map(|_| {
            let (analytics, inputs) = (analytics.clone(), Arc::clone(&inputs));
            let (order, next) = (Arc::clone(&order), Arc::clone(&next));
            tokio::spawn(async move {
                while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    println!("send {number}");
                    match &inputs[*number] {
                        Input::Events(events) => {
                            let receipts = taken(analytics.ingest(events.clone()).await);
                            assert_eq!(receipts.len(), events.len());
                        }
                        Input::Log(log) => {
                            taken(analytics.ingest_log((**log).clone()).await);
                        }
                    }
                    println!("acknowledged {number}");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    println!("pruning");
    taken(analytics.prune(pruned_before()).await);
    println!("pruned");
    println!("removing");
    let store = analytics.store();
    taken(store.prune_logs(logs_pruned_before(), PruneScope::Jobs).await);
    for log in removable().filter(|log| !is_pruned(log)) {
        taken(store.forget(&log.application.app_id, None).await);
    }
    println!("removed");
    analytics.store().close().await.unwrap();
    println!("done");
}

/// Ends the process if the store failed: its server may have been killed.
fn taken<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(1)
    })
}

fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}
