//! Measures what a hit saves and what a write costs: `scripts/with-services cargo test --release -p spark-analytics-redis
//! --features services --test services measure -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use crate::support::*;
use spark_analytics_conformance::Workload;
use spark_analytics_core::{Day, JobKey, Store};
use spark_analytics_sqlite::SqliteStore;

const JOBS: u64 = 10_000;

/// The median duration of a call.
async fn median(calls: usize, call: impl AsyncFn(usize)) -> Duration {
    let mut took = Vec::with_capacity(calls);
    for at in 0..calls {
        let start = Instant::now();
        call(at).await;
        took.push(start.elapsed());
    }
    took.sort_unstable();
    took[calls / 2]
}

fn key(at: usize) -> JobKey {
    JobKey::in_app("application_1711792363000_0042", "", at as i64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn reads_and_writes_over_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path().join("spark.db")).await.expect("opens");
    let cached = adapter(store.clone(), &shared_url(), &namespace()).await;
    let mut workload = Workload::new(JOBS, 7);
    for _ in 0..60 {
        store.ingest(workload.batch(1_000)).await.expect("takes them");
    }

    let from = Day::from_number(19_812);
    let month = async |store: &dyn Store| {
        let to = Day::from_number(from.number() + 30);
        assert!(!store.rollups(from, to, None).await.expect("reads").is_empty());
    };
    let job = async |store: &dyn Store, at: usize| {
        assert!(store.job(&key(at)).await.expect("reads").is_some());
    };
    println!("job, store    {:?}", median(2_000, async |at| job(&store, at).await).await);
    println!("job, miss     {:?}", median(2_000, async |at| job(&cached, at).await).await);
    println!("job, hit      {:?}", median(2_000, async |at| job(&cached, at).await).await);
    println!("month, store  {:?}", median(300, async |_| month(&store).await).await);
    println!("month, hit    {:?}", median(300, async |_| month(&cached).await).await);

    let (mut plain, mut through) = (Vec::new(), Vec::new());
    for round in 0..60 {
        for is_through in [round % 2 == 0, round % 2 == 1] {
            let batch = workload.batch(1_000);
            let start = Instant::now();
            if is_through {
                cached.ingest(batch).await.expect("takes it");
                through.push(start.elapsed());
            } else {
                store.ingest(batch).await.expect("takes it");
                plain.push(start.elapsed());
            }
        }
    }
    println!("1,000 events of 10,000 jobs, store    {:?}", plain.iter().sum::<Duration>() / 60);
    let (first, later) = through.split_at(5);
    println!("  through the cache, jobs not noted   {:?}", first.iter().sum::<Duration>() / 5);
    println!(
        "  through the cache, jobs noted       {:?}",
        later.iter().skip(35).sum::<Duration>() / 20
    );
    println!("{:?}", cached.counts());
}
