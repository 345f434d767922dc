//! Opening a store, and the errors if that is not possible.

use crate::common::{job, whole_job};
use futures::future::join_all;
use spark_analytics_core::{Day, Dedup, Durability, JobFilter, JobKey, Receipt, Store};
use spark_analytics_sqlite::SqliteStore;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;

/// The error for a file, and its message with the folder's name replaced.
async fn refusal(folder: &TempDir, path: &str, dedup: Dedup) -> String {
    let options = SqliteStore::options().dedup(dedup);
    let refused = options.open(folder.path().join(path)).await;
    let folder = folder.path().display().to_string();
    refused.unwrap_err().to_string().replace(&folder, "DIR")
}

async fn raw(folder: &TempDir) -> SqlitePool {
    let path = folder.path().join("store.db");
    SqlitePool::connect_with(SqliteConnectOptions::new().filename(path)).await.unwrap()
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "some notes, long enough to be looked at as a header of a database\n".repeat(9),
    )
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(
        refusal(&folder, "notes.txt", Dedup::WithTask).await,
        "`DIR/notes.txt` is not an SQLite database: give another path, or move the file away"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_missing_folder_is_named() {
    let folder = TempDir::new().unwrap();
    assert_eq!(
        refusal(&folder, "no/such/store.db", Dedup::WithTask).await,
        "cannot open `DIR/no/such/store.db`: there is no directory `DIR/no/such`; create it first"
    );
}

#[tokio::test]
async fn a_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    assert_eq!(
        refusal(&folder, "", Dedup::WithTask).await,
        "cannot open `DIR/`: `DIR/` must be a readable and writable file in a writable directory"
    );
}

#[tokio::test]
async fn an_empty_path_is_refused() {
    let refused = SqliteStore::open("").await.unwrap_err().to_string();
    assert!(refused.starts_with("cannot open ``: "), "{refused}");
}

#[tokio::test]
async fn a_store_is_not_opened_with_another_dedup_rule() {
    let folder = TempDir::new().unwrap();
    let options = SqliteStore::options().dedup(Dedup::JobTypeTimestamp);
    let store = options.open(folder.path().join("store.db")).await.unwrap();
    assert_eq!(store.dedup(), Dedup::JobTypeTimestamp);
    store.close().await.unwrap();
    assert_eq!(
        refusal(&folder, "store.db", Dedup::WithTask).await,
        "`DIR/store.db` was created with the dedup rule `time` and cannot be opened with `task`: \
         open it with `time`, or use another file"
    );
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    store.close().await.unwrap();
    let raw = raw(&folder).await;
    let newer = "INSERT INTO spark_migrations SELECT 1000, 'later', installed_on, success, \
                 checksum, execution_time FROM spark_migrations WHERE version = 1";
    sqlx::query(newer).execute(&raw).await.unwrap();
    raw.close().await;
    assert_eq!(
        refusal(&folder, "store.db", Dedup::WithTask).await,
        "`DIR/store.db` has schema 1000, but this version of spark-analytics supports only up to 4: use the version that wrote it, or a later one"
    );
}

#[tokio::test]
async fn a_store_dropped_without_closing_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let options = SqliteStore::options().durability(Durability::Eventual);
    let store = options.open(&path).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    drop(store);
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.ingest(whole_job(1)).await.unwrap()[2], Receipt::Duplicate(3));
    assert!(job(&store, 1).await.is_some());
}

#[tokio::test]
async fn two_stores_on_one_file_see_each_others_events() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let one = SqliteStore::open(&path).await.unwrap();
    let other = SqliteStore::open(&path).await.unwrap();
    one.ingest(whole_job(1)).await.unwrap();
    assert_eq!(other.ingest(whole_job(1)).await.unwrap()[0], Receipt::Duplicate(1));
    assert_eq!(other.ingest(whole_job(2)).await.unwrap()[0], Receipt::Recorded(4));
    assert!(job(&one, 2).await.is_some());
    assert_eq!(one.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.jobs(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_stores_create_and_write_one_file_together() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let writers = (0..8).map(|number| {
        let path = path.clone();
        tokio::spawn(async move {
            let store = SqliteStore::open(path).await.unwrap();
            for job_id in 0..20 {
                store.ingest(whole_job(number % 2 * 20 + job_id)).await.unwrap();
            }
            store.close().await.unwrap();
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.jobs(&JobFilter::default(), None, 100).await.unwrap().len(), 40);
    assert_eq!(store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.jobs(), 40);
}

#[tokio::test]
async fn a_pool_is_shared_with_its_owners_tables_and_stays_open() {
    let folder = TempDir::new().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("store.db"))
        .create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE jobs (name TEXT)").execute(&pool).await.unwrap();
    let store = SqliteStore::from_pool(pool.clone()).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    assert!(job(&store, 1).await.is_some());
    store.close().await.unwrap();
    sqlx::query("INSERT INTO jobs VALUES ('nightly')").execute(&pool).await.unwrap();
    let store = SqliteStore::from_pool(pool).await.unwrap();
    assert!(job(&store, 1).await.is_some());
}

#[tokio::test]
async fn a_foreign_table_is_not_mistaken_for_the_stores() {
    // With one connection, the next call waits until the refused transaction is rolled back.
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect("sqlite::memory:").await.unwrap();
    sqlx::query("CREATE TABLE spark_jobs (name TEXT)").execute(&pool).await.unwrap();
    let refused = SqliteStore::from_pool(pool.clone()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the SQLite store failed to create its tables: while executing migration 1: error \
         returned from database: (code: 1) table spark_jobs already exists"
    );
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(tables, 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn reads_open_no_further_files() {
    let folder = TempDir::new().unwrap();
    let files = || {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        let files = open.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        files.filter(|file| file.starts_with(folder.path())).count()
    };
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let before = files();
    for days in join_all((0..50).map(|_| store.rollups(Day::MIN, Day::MAX, None))).await {
        days.unwrap();
    }
    store.ingest(whole_job(1)).await.unwrap();
    assert_eq!(files(), before);
}

#[tokio::test]
async fn clones_of_a_store_in_memory_share_it_and_other_stores_do_not() {
    let (one, other) =
        (SqliteStore::in_memory().await.unwrap(), SqliteStore::in_memory().await.unwrap());
    let clone = one.clone();
    one.ingest(whole_job(1)).await.unwrap();
    assert!(clone.job(&JobKey::new(1)).await.unwrap().is_some());
    assert!(other.job(&JobKey::new(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let store = SqliteStore::in_memory().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(
        store.check().await.unwrap_err().to_string(),
        "the SQLite store failed to answer: attempted to acquire a connection on a closed pool"
    );
}

#[tokio::test]
async fn a_store_is_created_once_and_only_an_existing_one_is_opened() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.db");
    let said = |error: spark_analytics_core::Error| {
        error.to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    let missing = SqliteStore::options().open_existing(&path).await.unwrap_err();
    assert_eq!(
        said(missing),
        "`DIR/store.db` does not exist: create the store first, or give another path"
    );
    assert!(!path.exists());
    let store = SqliteStore::options().create(&path).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    store.close().await.unwrap();
    let again = SqliteStore::options().create(&path).await.unwrap_err();
    assert_eq!(
        said(again),
        "`DIR/store.db` already exists: open it, or give the path of a new file"
    );
    let store = SqliteStore::options().open_existing(&path).await.unwrap();
    assert!(job(&store, 1).await.is_some());
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_file_without_a_store_is_not_opened_as_one_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let live = SqliteStore::open(path("live.db")).await.unwrap();
    live.ingest(whole_job(1)).await.unwrap();
    std::fs::copy(path("live.db"), path("copy.db")).unwrap();
    std::fs::write(path("empty.db"), "").unwrap();
    let options = SqliteConnectOptions::new().filename(path("other.db")).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    sqlx::query("CREATE TABLE jobs (name TEXT)").execute(&pool).await.unwrap();
    pool.close().await;

    for (name, why) in [
        (
            "copy.db",
            "it has no tables. If it is a copy of a store in use, it lacks the file `-wal`",
        ),
        ("empty.db", "it has no tables."),
        ("other.db", "it is another program's database"),
    ] {
        let before = std::fs::read(path(name)).unwrap();
        let refused = SqliteStore::options().open_existing(path(name)).await.unwrap_err();
        let said = refused.to_string();
        assert!(said.contains(&format!("{name}` has no store: {why}")), "{said}");
        assert_eq!(std::fs::read(path(name)).unwrap(), before, "{name}");
        assert!(!path(&format!("{name}-wal")).exists());
    }
    // A program that creates stores does not take the copy for a new one either.
    let refused = SqliteStore::open(path("copy.db")).await.unwrap_err().to_string();
    assert!(refused.contains("copy.db` has no store: it has no tables."), "{refused}");
    // Beside its log, the copy is whole.
    std::fs::copy(path("live.db-wal"), path("copy.db-wal")).unwrap();
    let copy = SqliteStore::options().open_existing(path("copy.db")).await.unwrap();
    assert!(job(&copy, 1).await.is_some());
    for name in ["empty.db", "other.db"] {
        SqliteStore::open(path(name)).await.unwrap().close().await.unwrap();
    }
}
