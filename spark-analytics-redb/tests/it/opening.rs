//! Which files are created and opened, and the errors for those that are not.

use std::path::Path;

use futures::executor::block_on;
use redb::{Database, TableDefinition};
use spark_analytics_core::{Dedup, Error, Event, JobKey, Receipt, Store, Timestamp};
use spark_analytics_redb::{RedbOptions, RedbStore};
use tempfile::TempDir;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const BY_TIME: RedbOptions = RedbStore::options().dedup(Dedup::JobTypeTimestamp);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The error's message, with the folder's name replaced.
fn said(folder: &TempDir, result: Result<RedbStore, Error>) -> String {
    let error = result.expect_err("is refused");
    assert!(matches!(error, Error::Location { .. } | Error::Incompatible { .. }), "{error:?}");
    error.to_string().replace(&format!("{}/", folder.path().display()), "")
}

/// A store that was created and closed.
fn make(path: &Path, options: RedbOptions) {
    block_on(async {
        let store = options.create(path).await.expect("makes a file");
        store.close().await.expect("closes");
    });
}

fn change_meta(path: &Path, key: &str, value: &[u8]) {
    let database = Database::open(path).expect("opens");
    let transaction = database.begin_write().expect("begins");
    transaction.open_table(META).expect("opens").insert(key, value).expect("inserts");
    transaction.commit().expect("commits");
}

#[test]
fn a_store_is_created_once_and_opened_any_number_of_times() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    let start = Event::job_start(1, Timestamp::from_millis(0), "ada").expect("valid");
    block_on(async {
        let store = RedbStore::options().create(&path).await.expect("makes a file");
        let receipts = store.ingest(vec![start.clone()]).await.expect("takes it");
        assert_eq!(receipts, [Receipt::Recorded(1)]);
        store.close().await.expect("closes");
        for _ in 0..2 {
            let store = RedbStore::options().open_existing(&path).await.expect("opens");
            let receipts = store.ingest(vec![start.clone()]).await.expect("takes it");
            assert_eq!(receipts, [Receipt::Duplicate(1)]);
            store.close().await.expect("closes");
        }
    });
}

#[test]
fn open_or_create_does_what_is_needed() {
    let folder = folder();
    let (new, empty) = (folder.path().join("new.redb"), folder.path().join("empty.redb"));
    std::fs::write(&empty, b"").expect("writes");
    block_on(async {
        for path in [&new, &new, &empty] {
            let store = RedbStore::open(path).await.expect("opens");
            store.check().await.expect("answers");
            store.close().await.expect("closes");
        }
    });
}

#[test]
fn an_existing_file_is_not_created_again() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    std::fs::write(&path, b"precious").expect("writes");
    assert_eq!(
        said(&folder, block_on(RedbStore::options().create(&path))),
        "`s.redb` already exists: open it, or use another file"
    );
    assert_eq!(std::fs::read(&path).expect("reads"), b"precious");
}

#[test]
fn a_missing_file_is_not_opened() {
    let folder = folder();
    assert_eq!(
        said(&folder, block_on(RedbStore::options().open_existing(folder.path().join("s.redb")))),
        "`s.redb` does not exist: create the store first, or use another file"
    );
    assert!(!folder.path().join("s.redb").exists());
}

#[test]
fn a_missing_folder_is_named() {
    let folder = folder();
    let path = folder.path().join("no/such/s.redb");
    for result in [
        block_on(RedbStore::options().create(&path)),
        block_on(RedbStore::options().open_existing(&path)),
        block_on(RedbStore::open(&path)),
    ] {
        assert_eq!(
            said(&folder, result),
            "cannot open `no/such/s.redb`: there is no directory `no/such`; create it first"
        );
    }
}

#[test]
fn a_file_left_half_made_is_created_again() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    let mut half = vec![0; 3 << 20];
    half[9..200].fill(7);
    std::fs::write(&path, &half).expect("writes");
    assert_eq!(
        said(&folder, block_on(RedbStore::options().open_existing(&path))),
        "`s.redb` is not a redb file: use another file"
    );
    assert_eq!(std::fs::read(&path).expect("reads"), half, "only looked at");
    block_on(async {
        let store = RedbStore::open(&path).await.expect("makes it again");
        store.check().await.expect("answers");
        store.close().await.expect("closes");
    });
    // A byte before or after the header may be someone's data.
    for at in [0, 320, (3 << 20) - 1] {
        let mut other = half.clone();
        other[at] = 1;
        std::fs::write(&path, &other).expect("writes");
        assert_eq!(
            said(&folder, block_on(RedbStore::open(&path))),
            "`s.redb` is not a redb file: use another file"
        );
        assert_eq!(std::fs::read(&path).expect("reads"), other);
    }
}

#[test]
fn a_file_of_another_kind_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    for content in ["no database", "SQLite format 3\0"] {
        let content = content.repeat(2_000);
        std::fs::write(&path, &content).expect("writes");
        for result in
            [block_on(RedbStore::options().open_existing(&path)), block_on(RedbStore::open(&path))]
        {
            assert_eq!(said(&folder, result), "`notes.txt` is not a redb file: use another file");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), content);
    }
}

#[test]
fn a_file_half_made_by_a_killed_process_is_created_again() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    make(&path, RedbOptions::default());
    let whole = std::fs::read(&path).expect("reads");
    // redb sets the file's length, writes its header and, last, the magic number.
    let mut half_made = vec![0; whole.len()];
    for header in [0, 320] {
        half_made[9..header.max(9)].copy_from_slice(&whole[9..header.max(9)]);
        std::fs::write(&path, &half_made).expect("writes");
        assert_eq!(
            said(&folder, block_on(RedbStore::options().open_existing(&path))),
            "`s.redb` is not a redb file: use another file"
        );
        let store = block_on(RedbStore::open(&path)).expect("makes it");
        block_on(store.close()).expect("closes");
    }
    // Anything else belongs to another program.
    half_made[5_000] = 1;
    std::fs::write(&path, &half_made).expect("writes");
    block_on(RedbStore::open(&path)).expect_err("is refused");
    assert_eq!(std::fs::read(&path).expect("reads"), half_made);
}

#[test]
fn an_empty_file_is_not_opened() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    std::fs::write(&path, b"").expect("writes");
    assert_eq!(
        said(&folder, block_on(RedbStore::options().open_existing(&path))),
        "`s.redb` is not a redb file: use another file"
    );
}

#[test]
fn a_redb_file_of_another_program_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("other.redb");
    let database = Database::create(&path).expect("makes a file");
    let transaction = database.begin_write().expect("begins");
    let other = TableDefinition::<u64, u64>::new("other");
    transaction.open_table(other).expect("opens").insert(1, 2).expect("inserts");
    transaction.commit().expect("commits");
    drop(database);
    for result in
        [block_on(RedbStore::options().open_existing(&path)), block_on(RedbStore::open(&path))]
    {
        assert_eq!(
            said(&folder, result),
            "`other.redb` is a redb file but has no `meta` table of spark-analytics: use another file"
        );
    }
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    make(&path, RedbOptions::default());
    change_meta(&path, "schema", b"5");
    assert_eq!(
        said(&folder, block_on(RedbStore::options().open_existing(&path))),
        "`s.redb` was written by a newer version (schema 5; this one supports up to 4): use that version"
    );
}

#[test]
fn a_damaged_schema_version_is_named() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    make(&path, RedbOptions::default());
    change_meta(&path, "schema", b"one");
    let error = block_on(RedbStore::options().open_existing(&path)).expect_err("is refused");
    assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
    assert!(error.to_string().ends_with("s.redb`: it is `one`"), "{error}");
}

#[test]
fn a_store_keeps_its_dedup_rule() {
    let folder = folder();
    let (by_time, by_task) = (folder.path().join("time.redb"), folder.path().join("task.redb"));
    make(&by_time, BY_TIME);
    make(&by_task, RedbOptions::default());
    assert_eq!(
        said(&folder, block_on(RedbStore::options().open_existing(&by_time))),
        "`time.redb` was created with the dedup rule `time`, not `task`: open it with `time`, or use another file"
    );
    assert_eq!(
        said(&folder, block_on(BY_TIME.open(&by_task))),
        "`task.redb` was created with the dedup rule `task`, not `time`: open it with `task`, or use another file"
    );
    let store = block_on(BY_TIME.open_existing(&by_time)).expect("opens");
    assert_eq!(store.dedup(), Dedup::JobTypeTimestamp);
}

#[test]
fn a_file_is_opened_only_once_at_a_time() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    let first = block_on(RedbStore::options().create(&path)).expect("makes a file");
    let error = block_on(RedbStore::options().open_existing(&path)).expect_err("is refused");
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let expected = "s.redb` is already open, in another process or in this one: close it there first; redb allows one \
        opener at a time";
    assert!(error.to_string().ends_with(expected), "{error}");
    block_on(first.close()).expect("closes");
    block_on(RedbStore::options().open_existing(&path)).expect("opens");
}

#[test]
fn a_damaged_row_is_named() {
    let folder = folder();
    let path = folder.path().join("s.redb");
    let key = JobKey::in_app("app-1", "", 7);
    let start = Event::job_start(key.clone(), Timestamp::from_millis(0), "ada").expect("valid");
    block_on(async {
        let store = RedbStore::options().create(&path).await.expect("makes a file");
        store.ingest(vec![start.clone()]).await.expect("takes it");
        store.close().await.expect("closes");
    });
    {
        let jobs = TableDefinition::<&[u8], &[u8]>::new("jobs");
        let events = TableDefinition::<i64, &str>::new("events");
        let database = Database::open(&path).expect("opens");
        let transaction = database.begin_write().expect("begins");
        let mut jobs = transaction.open_table(jobs).expect("opens");
        let row = b"app-1\0\0\x80\0\0\0\0\0\0\x07".as_slice();
        jobs.get_mut(row).expect("reads").expect("is there").insert(&[0xff; 3][..]).expect("puts");
        drop(jobs);
        transaction.open_table(events).expect("opens").insert(1, "{").expect("inserts");
        transaction.commit().expect("commits");
    }
    block_on(async {
        let store = RedbStore::options().open_existing(&path).await.expect("opens");
        let errors = [
            store.job(&key).await.expect_err("is damaged"),
            store.ingest(vec![start]).await.expect_err("is damaged"),
        ];
        for error in errors {
            assert!(matches!(error, Error::Damaged { .. }), "{error:?}");
            let start = "the redb store holds a damaged row of job 7 of application app-1: ";
            assert!(error.to_string().starts_with(start), "{error}");
        }
        store.check().await.expect("answers all the same");
    });
}
