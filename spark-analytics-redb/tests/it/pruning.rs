//! Pruning in more than one transaction.

use futures::executor::block_on;
use futures::future::join;
use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use spark_analytics_core::{Day, Event, JobKey, Pruned, Receipt, Store, Timestamp};
use spark_analytics_redb::RedbStore;

const DAY_MS: i64 = 86_400_000;

fn tasks(job: i64, count: i64, first_ms: i64) -> Vec<Event> {
    let task = |number: i64| {
        let at = Timestamp::from_millis(first_ms + number);
        Event::task_end(JobKey::new(job), at, "ada", format!("{number}"), 5, true).expect("valid")
    };
    (0..count).map(task).collect()
}

#[test]
fn a_prune_removes_old_events_to_the_last_row() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.redb");
    let cut = Day::from_number(10);
    block_on(async {
        let store = RedbStore::options().create(&path).await.expect("makes a file");
        // Two jobs that each need more than one transaction, many small ones, and recent events in between.
        for (job, count) in [(0, 12_000), (1, 21_000)] {
            store.ingest(tasks(job, count, 9 * DAY_MS)).await.expect("takes it");
        }
        for first in [0, 500] {
            let jobs = first..first + 500;
            let events = jobs.flat_map(|job| {
                [tasks(100 + job, 2, 8 * DAY_MS), tasks(100 + job, 3, 10 * DAY_MS)].concat()
            });
            store.ingest(events.collect()).await.expect("takes it");
        }
        let late = store.ingest(tasks(5_000, 100, 10 * DAY_MS));
        let (pruned, late) = join(store.prune(cut), late).await;
        assert_eq!(pruned.expect("prunes"), Pruned { events: 35_000, before: cut });
        assert!(late.expect("takes it").iter().all(|r| matches!(r, Receipt::Recorded(_))));

        assert_eq!(store.events(&JobKey::new(1), None, 10).await.expect("reads"), []);
        let young = store.events(&JobKey::new(100), None, 10).await.expect("reads");
        assert_eq!(young.len(), 3);
        let record = store.job(&JobKey::new(1)).await.expect("reads").expect("is known");
        assert_eq!(record.events.tasks.succeeded, 21_000);
        let refused = store.ingest(tasks(1, 1, 9 * DAY_MS)).await.expect("answers");
        assert_eq!(refused, [Receipt::TooOld]);
        let again = store.prune(Day::from_number(3)).await.expect("prunes");
        assert_eq!(again, Pruned { events: 0, before: cut });
        store.close().await.expect("closes");
    });
    let database = Database::open(&path).expect("opens");
    let transaction = database.begin_read().expect("begins");
    let ids = transaction.open_table(TableDefinition::<&[u8], i64>::new("event_ids"));
    let events = transaction.open_table(TableDefinition::<i64, &str>::new("events"));
    assert_eq!(ids.expect("opens").len().expect("counts"), 3_100);
    assert_eq!(events.expect("opens").len().expect("counts"), 3_100);
}
