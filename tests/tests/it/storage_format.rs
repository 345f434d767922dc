//! Files written by this and earlier versions, which later versions must open.

use std::path::{Path, PathBuf};

use spark_analytics_conformance::{Dump, Workload};
use spark_analytics_core::log::{Application, LogJob, LogSnapshot, LogSource, fact};
use spark_analytics_core::{
    Event, JobKey, MemoryStore, PruneScope, Receipt, Refusal, Rejection, Store, Timestamp,
};
use spark_analytics_redb::RedbStore;
use spark_analytics_sqlite::SqliteStore;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
}

/// The content of the golden files: single events, one replaced, the facts of the log in a file, a prune, a
/// rejected input.
async fn fill(store: &dyn Store, log: &str) {
    let events = Workload::new(20, 7).batch(300);
    let last_day = events.iter().map(|event| event.timestamp().day()).max().unwrap();
    store.ingest(events).await.unwrap();
    store.ingest(replacing()).await.unwrap();
    let log: LogSnapshot = serde_json::from_slice(&std::fs::read(golden(log)).unwrap()).unwrap();
    store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    let rejection = Rejection::new(Timestamp::from_millis(1), "no event", b"{");
    store.reject(vec![rejection]).await.unwrap();
    store.prune(last_day).await.unwrap();
}

/// What files since schema 4 hold, too: traces of an application that was forgotten, and of one that was pruned with
/// its jobs, whose part in roll-ups stays.
async fn remove(store: &dyn Store) {
    let receipts = store.ingest_logs(removed().to_vec(), vec![source()]).await.unwrap();
    assert!(receipts.iter().all(|receipt| receipt.application));
    assert_eq!(store.forget("forgotten", None).await.unwrap().jobs, 1);
    let before = "2020-01-02".parse().unwrap();
    assert_eq!(store.prune_logs(before, PruneScope::Jobs).await.unwrap().jobs, 1);
}

/// The logs of these two.
fn removed() -> [LogSnapshot; 2] {
    ["forgotten", "pruned"].map(|app_id| {
        let at = Some("2020-01-01T00:00:00Z".parse().unwrap());
        fact!(LogSnapshot {
            application: fact!(Application {
                app_id: app_id.to_owned(),
                start_time: at,
                ended: true,
                end_time: at,
            }),
            jobs: vec![fact!(LogJob {
                ended: true,
                job_result: "JobSucceeded".to_owned(),
                user: "ada".to_owned(),
                submission_time: at,
                completion_time: at,
            })],
        })
    })
}

/// Nothing of them counts again.
async fn knows_what_was_removed(store: &dyn Store) {
    let receipts = store.ingest_logs(removed().to_vec(), Vec::new()).await.unwrap();
    let refused: Vec<_> = receipts.iter().map(|receipt| receipt.refused).collect();
    assert_eq!(refused, [Some(Refusal::Forgotten), Some(Refusal::TooOld)]);
    let at = "2030-01-01T00:00:00Z".parse().unwrap();
    let late = Event::job_start(JobKey::in_app("pruned", "", 7), at, "ada").unwrap();
    assert_eq!(store.ingest(vec![late]).await.unwrap(), [Receipt::TooOld]);
    let day = "2020-01-01".parse().unwrap();
    let rollups = store.rollups(day, day, None).await.unwrap();
    assert_eq!(rollups[0].1.jobs(), 1, "that of the pruned job");
    // Without it the file holds what those of schema 3 do.
    assert_eq!(rollups.len(), 1);
}

fn replacing() -> Vec<Event> {
    let of =
        |user: &str| Event::job_start(1, "2024-05-01T00:00:00Z".parse().unwrap(), user).unwrap();
    vec![of("ada"), of("bob")]
}

async fn holds_what_it_held(store: &dyn Store, log: &str) {
    let expected = MemoryStore::default();
    fill(&expected, log).await;
    holds_the_same(store, &expected).await;
}

async fn holds_the_same(store: &dyn Store, expected: &dyn Store) {
    assert_eq!(Dump::of(store).await.unwrap(), Dump::of(expected).await.unwrap());
    assert_eq!(store.rejected(None, 10).await.unwrap(), expected.rejected(None, 10).await.unwrap());
    for job in Dump::of(expected).await.unwrap().jobs {
        let of = async |store: &dyn Store| store.job(&job.key).await.unwrap();
        assert_eq!(of(store).await, of(expected).await);
        let of = async |store: &dyn Store| store.events(&job.key, None, 1_000).await.unwrap();
        assert_eq!(of(store).await, of(expected).await);
    }
    // It continues as if it had never been closed.
    let too_old = Workload::new(20, 7).batch(1);
    assert_eq!(store.ingest(too_old).await.unwrap(), [Receipt::TooOld]);
    assert_eq!(store.ingest(replacing()).await.unwrap(), [Receipt::Duplicate(301); 2]);
    let new = vec![Event::job_start(2, "2024-05-01T00:00:00Z".parse().unwrap(), "a").unwrap()];
    assert_eq!(store.ingest(new).await.unwrap(), [Receipt::Recorded(302)]);
}

/// A store in a copy of a golden file.
async fn copied<S>(name: &str, open: impl AsyncFn(PathBuf) -> S) -> (tempfile::TempDir, S) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::copy(golden(name), &path).unwrap();
    let store = open(path).await;
    (folder, store)
}

async fn open_sqlite(path: PathBuf) -> SqliteStore {
    SqliteStore::open(path).await.unwrap()
}

async fn open_redb(path: PathBuf) -> RedbStore {
    RedbStore::options().open_existing(path).await.unwrap()
}

#[tokio::test]
async fn a_sqlite_file_of_schema_1_opens() {
    let (_folder, store) = copied("schema-1.db", open_sqlite).await;
    holds_what_it_held(&store, "log-1.json").await;
}

#[tokio::test]
async fn a_sqlite_file_of_schema_2_opens() {
    let (_folder, store) = copied("schema-2.db", open_sqlite).await;
    holds_what_it_held(&store, "log-2.json").await;
}

#[tokio::test]
async fn a_sqlite_file_of_schema_3_opens() {
    let (_folder, store) = copied("schema-3.db", open_sqlite).await;
    holds_what_it_held(&store, "log-2.json").await;
    has_the_source_of_its_log(&store).await;
}

#[tokio::test]
async fn a_redb_file_of_schema_3_opens() {
    let (_folder, store) = copied("schema-3.redb", open_redb).await;
    holds_what_it_held(&store, "log-2.json").await;
    has_the_source_of_its_log(&store).await;
}

/// A file of schema 4 with the facts of a log, and what only that schema has.
async fn holds_all_of_schema_4(store: &dyn Store, log: &str) {
    let expected = MemoryStore::default();
    fill(&expected, log).await;
    remove(&expected).await;
    holds_the_same(store, &expected).await;
    has_the_source_of_its_log(store).await;
    knows_what_was_removed(store).await;
}

#[tokio::test]
async fn a_sqlite_file_of_schema_4_opens() {
    for (file, log) in [("schema-4.db", "log-2.json"), ("schema-4-log-4.db", "log-4.json")] {
        let (_folder, store) = copied(file, open_sqlite).await;
        holds_all_of_schema_4(&store, log).await;
    }
}

#[tokio::test]
async fn a_redb_file_of_schema_4_opens() {
    for (file, log) in [("schema-4.redb", "log-2.json"), ("schema-4-log-4.redb", "log-4.json")] {
        let (_folder, store) = copied(file, open_redb).await;
        holds_all_of_schema_4(&store, log).await;
    }
}

/// The location of the log that files since schema 3 have recorded.
fn source() -> LogSource {
    let modified = "2026-11-23T20:31:20Z".parse().unwrap();
    LogSource::new("/logs/app-1", 466_124, modified)
}

async fn has_the_source_of_its_log(store: &dyn Store) {
    assert_eq!(store.log_source("/logs/app-1").await.unwrap(), Some(source()));
}

#[tokio::test]
async fn a_redb_file_of_schema_1_opens() {
    let (_folder, store) = copied("schema-1.redb", open_redb).await;
    holds_what_it_held(&store, "log-1.json").await;
}

#[tokio::test]
async fn a_redb_file_of_schema_2_opens() {
    let (_folder, store) = copied("schema-2.redb", open_redb).await;
    holds_what_it_held(&store, "log-2.json").await;
}

/// A file of schema 1 accepts and keeps data that only schema 2 has.
async fn takes_what_is_new(store: &dyn Store) {
    let log: LogSnapshot =
        serde_json::from_slice(&std::fs::read(golden("log-4.json")).unwrap()).unwrap();
    let receipt = store.ingest_logs(vec![log.clone()], Vec::new()).await.unwrap().remove(0);
    assert!(receipt.environment && receipt.sql == log.sql.len() && receipt.application);
    assert_eq!(store.log(&log.application.key()).await.unwrap(), Some(log));
}

#[tokio::test]
async fn files_of_schema_1_store_new_facts() {
    let (folder, store) = copied("schema-1.db", open_sqlite).await;
    takes_what_is_new(&store).await;
    store.close().await.unwrap();
    let store = open_sqlite(folder.path().join("schema-1.db")).await;
    assert_eq!(store.applications(None, 9).await.unwrap().len(), 1);

    let (folder, store) = copied("schema-1.redb", open_redb).await;
    takes_what_is_new(&store).await;
    store.close().await.unwrap();
    let store = open_redb(folder.path().join("schema-1.redb")).await;
    assert_eq!(store.applications(None, 9).await.unwrap().len(), 1);
}

/// Writes the golden files; only for a new schema, whose files get new names:
/// `cargo test -p spark-analytics-tests --test it storage_format -- --ignored`.
#[tokio::test]
#[ignore = "writes the kept files"]
async fn write_the_kept_files() {
    let (db, redb) = (golden("schema-4-log-4.db"), golden("schema-4-log-4.redb"));
    for path in [&db, &redb] {
        let _ = std::fs::remove_file(path);
    }
    let store = SqliteStore::open(&db).await.unwrap();
    fill(&store, "log-4.json").await;
    remove(&store).await;
    store.close().await.unwrap();
    let store = RedbStore::options().create(&redb).await.unwrap();
    fill(&store, "log-4.json").await;
    remove(&store).await;
    store.compact().await.unwrap();
    store.close().await.unwrap();
}
