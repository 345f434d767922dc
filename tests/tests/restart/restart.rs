//! PostgreSQL stops, is killed and restarts under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::contested::{events, holds, open, schema, send, shuffled};
use crate::{Server, control};

/// Waits until this many more batches are acknowledged.
async fn until_more(acknowledged: &AtomicUsize, batches: usize) {
    let before = acknowledged.load(Ordering::SeqCst);
    for _ in 0..6_000 {
        if acknowledged.load(Ordering::SeqCst) >= before + batches {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("writers stand still");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_server_stops_or_dies() {
    let _alone = Server::alone().await;
    let url = schema("restart").await;
    open(&url).await;
    let all = events(500, 60_000);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    // A writer sends only unacknowledged batches again.
    let writers: Vec<_> = (0..4)
        .map(|seed| {
            let (url, acknowledged) = (url.clone(), Arc::clone(&acknowledged));
            let part: Vec<_> = all.chunks(1_000).skip(seed).step_by(4).flatten().cloned().collect();
            let part = shuffled(&part, seed as u64 + 1);
            tokio::spawn(async move {
                let store = open(&url).await;
                for batch in part.chunks(100) {
                    send(&store, batch).await;
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for down in ["stop", "kill", "kill", "stop"] {
        until_more(&acknowledged, 40).await;
        control(down);
        control("start");
        let started = Instant::now();
        until_more(&acknowledged, 8).await;
        println!("after {down} and start, writers went on within {:?}", started.elapsed());
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    holds(open(&url).await, &all).await;
}
