//! Many callers, dropped calls, closing and crashes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::thread;

use futures::executor::block_on;
use futures::future::join_all;
use spark_analytics_conformance::{Dump, Workload};
use spark_analytics_core::{
    Dedup, Durability, Error, Event, EventCursor, JobFilter, JobKey, MemoryStore, Receipt, Store,
    Timestamp,
};
use spark_analytics_redb::RedbStore;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn task(job: &JobKey, number: i64) -> Event {
    let id = format!("task_{number}");
    Event::task_end(job.clone(), Timestamp::from_millis(number), "ada", id, 5, true).expect("valid")
}

#[test]
fn it_agrees_with_the_store_in_memory() {
    let folder = folder();
    for dedup in [Dedup::WithTask, Dedup::JobTypeTimestamp] {
        let options = RedbStore::options()
            .dedup(dedup)
            .durability(Durability::Eventual)
            .cache_bytes(256 * 1024);
        let path = folder.path().join(dedup.name());
        block_on(async {
            let (store, memory) =
                (options.create(&path).await.expect("makes a file"), MemoryStore::new(dedup));
            let mut workload = Workload::new(100, 7);
            for size in [1, 2, 900, 64, 5_000, 1, 30].into_iter().cycle().take(14) {
                let batch = workload.batch(size);
                for events in [batch.clone(), batch[size / 2..].to_vec()] {
                    let expected = memory.ingest(events.clone()).await.expect("takes it");
                    assert_eq!(store.ingest(events).await.expect("takes it"), expected);
                }
            }
            store.close().await.expect("closes");
            let store = options.open_existing(&path).await.expect("opens");
            let dump = Dump::of(&store).await.expect("reads");
            assert_eq!(dump.jobs.len(), 100);
            assert_eq!(dump, Dump::of(&memory).await.expect("reads"));
            for job in &dump.jobs {
                let expected = memory.events(&job.key, None, usize::MAX).await.expect("reads");
                let events = store.events(&job.key, None, usize::MAX).await.expect("reads");
                assert_eq!(events, expected);
                let after = EventCursor::from(&events[1].event);
                let events = store.events(&job.key, Some(&after), 3).await.expect("reads");
                assert_eq!(events, expected[2..5.min(expected.len())]);
            }
        });
    }
}

#[test]
fn callers_on_many_threads_read_what_they_wrote() {
    let folder = folder();
    let store =
        block_on(RedbStore::options().create(folder.path().join("s.redb"))).expect("makes a file");
    let caller = |number: i64, store: RedbStore| {
        move || {
            let key = JobKey::new(number);
            block_on(async {
                for task_number in 0..20 {
                    let receipts =
                        store.ingest(vec![task(&key, task_number)]).await.expect("takes");
                    assert!(matches!(receipts[..], [Receipt::Recorded(_)]));
                    let record = store.job(&key).await.expect("reads").expect("is known");
                    assert_eq!(record.events.tasks.succeeded, task_number + 1);
                    let events = store.events(&key, None, 100).await.expect("reads");
                    assert_eq!(events.len() as i64, task_number + 1);
                }
            });
        }
    };
    let callers: Vec<_> =
        (0..8).map(|number| thread::spawn(caller(number, store.clone()))).collect();
    callers.into_iter().for_each(|caller| caller.join().expect("no caller fails"));
    let mut ids = Vec::new();
    for number in 0..8 {
        let events = block_on(store.events(&JobKey::new(number), None, 100)).expect("reads");
        ids.extend(events.iter().map(|stored| stored.id));
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=160).collect::<Vec<i64>>());
}

#[test]
fn a_thousand_writers_wait_without_a_thread_each() {
    let folder = folder();
    let options = RedbStore::options().durability(Durability::Eventual);
    let store = block_on(options.create(folder.path().join("s.redb"))).expect("makes a file");
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let before = threads();
    let key = JobKey::new(1);
    block_on(async {
        let mut most = 0;
        let calls = (0..1_000).map(|number| store.ingest(vec![task(&key, number)]));
        let calls = calls.map(|call| async {
            let receipts = call.await.expect("takes it");
            (receipts.len(), threads())
        });
        for (receipts, threads) in join_all(calls).await {
            assert_eq!(receipts, 1);
            most = most.max(threads);
        }
        assert!(most < before + 50, "{before} threads before, {most} at the most");
        let record = store.job(&key).await.expect("reads").expect("is known");
        assert_eq!(record.events.tasks.succeeded, 1_000);
    });
}

#[test]
fn a_dropped_call_is_stored_whole_or_not_at_all() {
    let folder = folder();
    let store =
        block_on(RedbStore::options().create(folder.path().join("s.redb"))).expect("makes a file");
    for round in 0..40 {
        let key = JobKey::new(round);
        let batch: Vec<Event> = (0..50).map(|number| task(&key, number)).collect();
        let mut call = store.ingest(batch.clone());
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..round {
            if call.as_mut().poll(&mut context).is_ready() {
                break;
            }
            thread::yield_now();
        }
        drop(call);
        let receipts = block_on(store.ingest(batch)).expect("takes it");
        let new = receipts.iter().filter(|receipt| matches!(receipt, Receipt::Recorded(_))).count();
        assert!(new == 0 || new == 50, "{new} of 50 were absent");
        let record = block_on(store.job(&key)).expect("reads").expect("is known");
        assert_eq!(record.events.tasks.succeeded, 50);
    }
}

#[test]
fn closing_releases_the_file_while_clones_exist() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    let key = JobKey::new(1);
    block_on(async {
        let store = RedbStore::options().create(&path).await.expect("makes a file");
        let clone = store.clone();
        store.ingest(vec![task(&key, 0)]).await.expect("takes it");
        store.close().await.expect("closes");
        clone.close().await.expect("is closed already");

        let again =
            RedbStore::options().open_existing(&path).await.expect("opens while clones exist");
        assert!(again.job(&key).await.expect("reads").is_some());
        let errors = [
            clone.job(&key).await.expect_err("is closed"),
            clone.ingest(vec![task(&key, 1)]).await.expect_err("is closed"),
            clone.check().await.expect_err("is closed"),
            clone.compact().await.expect_err("is closed"),
        ];
        let said = errors.each_ref().map(Error::to_string);
        assert_eq!(
            said,
            [
                "the redb store failed to read a job: the store is closed: open it again",
                "the redb store failed to ingest events: the store is closed: open it again",
                "the redb store failed to answer: the store is closed: open it again",
                "the redb store failed to compact its file: the store is closed: open it again",
            ]
        );
    });
}

#[test]
fn closing_waits_for_running_calls() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    let store = block_on(RedbStore::options().create(&path)).expect("makes a file");
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (store, is_over) = (store.clone(), Arc::clone(&is_over));
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    match block_on(store.jobs(&JobFilter::default(), None, 10)) {
                        Ok(_) => {}
                        Err(error) => {
                            assert!(error.to_string().contains("the store is closed"), "{error}");
                        }
                    }
                }
            })
        })
        .collect();
    let writes: Vec<_> =
        (0..20).map(|number| store.ingest(vec![task(&JobKey::new(1), number)])).collect();
    let (answers, closed) = block_on(futures::future::join(join_all(writes), store.close()));
    closed.expect("closes");
    let taken = answers.iter().filter(|answer| answer.is_ok()).count() as i64;
    let again = block_on(RedbStore::options().open_existing(&path)).expect("opens");
    is_over.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().expect("no reader fails"));
    let record = block_on(again.job(&JobKey::new(1))).expect("reads").unwrap_or_default();
    assert_eq!(record.events.tasks.succeeded, taken);
}

/// A copy of the file of an open store is what a killed process leaves behind.
#[test]
fn acknowledged_events_survive_a_crash() {
    let folder = folder();
    let (path, copy) = (folder.path().join("s.redb"), folder.path().join("copy.redb"));
    let key = JobKey::new(1);
    block_on(async {
        let store = RedbStore::options().create(&path).await.expect("makes a file");
        for number in 0..5 {
            store.ingest(vec![task(&key, number)]).await.expect("takes it");
            std::fs::copy(&path, &copy).expect("copies");
            let crashed =
                RedbStore::options().open_existing(&copy).await.expect("opens after a crash");
            let record = crashed.job(&key).await.expect("reads").expect("is known");
            assert_eq!(record.events.tasks.succeeded, number + 1);
        }
    });
}

#[test]
fn eventual_commits_become_durable() {
    let folder = folder();
    let (path, copy) = (folder.path().join("s.redb"), folder.path().join("copy.redb"));
    let key = JobKey::new(1);
    let options = RedbStore::options().durability(Durability::Eventual);
    block_on(async {
        let store = options.create(&path).await.expect("makes a file");
        for number in 0..100 {
            store.ingest(vec![task(&key, number)]).await.expect("takes it");
        }
        std::fs::copy(&path, &copy).expect("copies");
        let crashed = options.open_existing(&copy).await.expect("opens after a crash");
        let record = crashed.job(&key).await.expect("reads").expect("is known");
        assert!(record.events.tasks.succeeded >= 36, "{}", record.events.tasks.succeeded);
        store.close().await.expect("closes");
        let again = options.open_existing(&path).await.expect("opens");
        let record = again.job(&key).await.expect("reads").expect("is known");
        assert_eq!(record.events.tasks.succeeded, 100);
    });
}

#[test]
fn compacting_keeps_everything() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    block_on(async {
        let store = RedbStore::options().create(&path).await.expect("makes a file");
        let mut workload = Workload::new(100, 1);
        for _ in 0..20 {
            store.ingest(workload.batch(500)).await.expect("takes it");
        }
        let held = Dump::of(&store).await.expect("reads");
        let size = || path.metadata().expect("a file").len();
        let before = size();
        assert!(store.compact().await.expect("compacts"));
        assert!(size() < before);
        assert_eq!(Dump::of(&store).await.expect("reads"), held);
    });
}
