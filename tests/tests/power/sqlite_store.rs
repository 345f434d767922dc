//! Power loss under SQLite.

use std::path::Path;

use spark_analytics_conformance::Dump;
use spark_analytics_core::Durability;
use spark_analytics_core::Store;
use spark_analytics_sqlite::SqliteStore;
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tempfile::TempDir;

use crate::course::Course;
use crate::disk::Disk;
use crate::support::on_file::{OnFile, Sqlite};
use crate::tape::{Image, Tape};
use crate::vfs::watch;
use crate::{crash, crashes, golden, holds_and_resumes, seed};

pub(crate) const NAME: &str = "store.db";

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A folder with the files of an image.
fn folder_of(image: &Image) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in image {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

pub(crate) async fn open(folder: &Path, durability: Durability) -> SqliteStore {
    let options = SqliteStore::options().durability(durability);
    options.open(folder.join(NAME)).await.unwrap()
}

/// A store that checkpoints its log often.
pub(crate) async fn open_with_checkpoints(folder: &Path) -> SqliteStore {
    let options = SqliteConnectOptions::new()
        .filename(folder.join(NAME))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "40")
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    SqliteStore::from_pool(pool).await.unwrap()
}

/// SQLite's own integrity check of a file.
pub(crate) async fn is_sound(folder: &Path) {
    Sqlite::check_integrity(&folder.join(NAME)).await;
}

/// Sends a course to a store that is sometimes closed and opened again, which checkpoints its log.
async fn record(course: &Course, durability: Durability) -> Tape {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(Image::new());
    let _watched = watch(folder.path(), &disk);
    let mut store = open(folder.path(), durability).await;
    for (batch, number) in course.batches.iter().zip(1..) {
        batch.send(&store).await.unwrap();
        disk.acknowledge(number);
        if number % 15 == 0 {
            store.close().await.unwrap();
            store = open(folder.path(), durability).await;
        }
    }
    store.close().await.unwrap();
    disk.take_tape()
}

async fn record_with_checkpoints(course: &Course) -> Tape {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::new(Image::new());
    let _watched = watch(folder.path(), &disk);
    let store = open_with_checkpoints(folder.path()).await;
    course.send(&store, &disk, 0..course.batches.len()).await;
    store.close().await.unwrap();
    disk.take_tape()
}

/// Crashes at points of the tape and opens what is left.
pub(crate) fn check(course: &Course, tape: &Tape, count: usize, durability: Durability) -> usize {
    let mut taken_back = 0;
    crash(tape, count, |replay, image, _| {
        block_on(async {
            let folder = folder_of(&image);
            let store = open(folder.path(), durability).await;
            let acknowledged = replay.acknowledged;
            let least = if durability == Durability::Immediate { acknowledged } else { 0 };
            let held = course.prefix(&store, least..=acknowledged + 1).await;
            taken_back += usize::from(held < acknowledged);
            is_sound(folder.path()).await;
            if held % 8 == 0 {
                course.complete(&store, held).await;
            }
            store.close().await.unwrap();
            is_sound(folder.path()).await;
        });
    });
    taken_back
}

#[test]
fn sqlite_holds_all_acknowledged_events() {
    let course = block_on(Course::new(seed()));
    let tape = block_on(record(&course, Durability::Immediate));
    check(&course, &tape, crashes(40), Durability::Immediate);
}

#[test]
fn sqlite_holds_all_acknowledged_events_while_its_log_is_checkpointed() {
    let course = block_on(Course::new(seed() + 1));
    let tape = block_on(record_with_checkpoints(&course));
    check(&course, &tape, crashes(40), Durability::Immediate);
}

#[test]
fn sqlite_without_immediate_durability_holds_whole_batches() {
    let course = block_on(Course::new(seed() + 2));
    let tape = block_on(record(&course, Durability::Eventual));
    let taken_back = check(&course, &tape, crashes(30), Durability::Eventual);
    assert!(taken_back > 0, "no crash took back a commit: nothing was shown");
}

#[test]
fn sqlite_recovers_from_a_crash_while_it_recovers() {
    let course = block_on(Course::new(seed() + 3));
    let tape = block_on(record_with_checkpoints(&course));
    crash(&tape, crashes(8), |replay, image, _| {
        let least = replay.acknowledged;
        let disk = Disk::new(image.clone());
        block_on(async {
            let folder = folder_of(&image);
            let _watched = watch(folder.path(), &disk);
            let store = open_with_checkpoints(folder.path()).await;
            let held = course.prefix(&store, least..=least + 1).await;
            disk.acknowledge(held);
            course.send(&store, &disk, held..held + 2).await;
            store.close().await.unwrap();
        });
        crash(&disk.take_tape(), 6, |replay, image, _| {
            block_on(async {
                let folder = folder_of(&image);
                let store = open(folder.path(), Durability::Immediate).await;
                let least = least.max(replay.acknowledged);
                course.prefix(&store, least..=least + 1).await;
                is_sound(folder.path()).await;
                store.close().await.unwrap();
            });
        });
    });
}

/// Crashes while a file is created or migrated, then opens what is left.
fn opens_after_a_crash_while_it_was_opened(start: Image, expected: &Dump) {
    let disk = Disk::new(start.clone());
    block_on(async {
        let folder = folder_of(&start);
        let _watched = watch(folder.path(), &disk);
        open(folder.path(), Durability::Immediate).await.close().await.unwrap();
    });
    crash(&disk.take_tape(), crashes(30), |_, image, _| {
        block_on(async {
            let folder = folder_of(&image);
            let store = open(folder.path(), Durability::Immediate).await;
            holds_and_resumes(&store, expected).await;
            store.close().await.unwrap();
            is_sound(folder.path()).await;
        });
    });
}

#[test]
fn a_sqlite_file_opens_after_a_crash_during_its_creation() {
    opens_after_a_crash_while_it_was_opened(Image::new(), &Dump::default());
}

#[test]
fn an_older_sqlite_file_opens_after_a_crash_during_its_migration() {
    for name in ["schema-1.db", "schema-2.db"] {
        let start = Image::from([(NAME.to_owned(), golden(name))]);
        let expected = block_on(async {
            let folder = folder_of(&start);
            let store = open(folder.path(), Durability::Immediate).await;
            Dump::of(&store).await.unwrap()
        });
        assert!(!expected.jobs.is_empty());
        opens_after_a_crash_while_it_was_opened(start, &expected);
    }
}
