//! Power loss under redb.

use futures::executor::block_on;
use redb::Database;
use spark_analytics_conformance::Dump;
use spark_analytics_core::Durability;
use spark_analytics_core::Store;
use spark_analytics_redb::{RedbOptions, RedbStore};

use crate::backend::{NAME, OneFile};
use crate::course::Course;
use crate::tape::{Image, Tape};
use crate::{crash, crashes, golden, holds_and_resumes, seed};

/// A cache so small that pages are written before their commit.
pub(crate) const OPTIONS: RedbOptions = RedbStore::options().cache_bytes(256 << 10);

async fn open(file: &OneFile, options: RedbOptions) -> RedbStore {
    options.open_backend(file.backend()).await.unwrap()
}

/// Sends a course to a store that is sometimes compacted.
async fn record(course: &Course, options: RedbOptions) -> Tape {
    let file = OneFile::of(Image::new());
    let store = open(&file, options).await;
    for (batch, number) in course.batches.iter().zip(1..) {
        batch.send(&store).await.unwrap();
        file.disk.acknowledge(number);
        if number % 20 == 0 {
            store.compact().await.unwrap();
        }
    }
    store.close().await.unwrap();
    file.disk.take_tape()
}

/// redb's own integrity check of a file.
pub(crate) fn is_sound(file: &OneFile) {
    let mut database = Database::builder().create_with_backend(file.backend()).unwrap();
    assert!(database.check_integrity().unwrap(), "redb finds the file damaged");
}

/// Crashes at points of the tape and opens what is left; after one in `every` crashes it sends the rest of the course.
pub(crate) fn check(course: &Course, tape: &Tape, count: usize, every: usize) {
    crash(tape, count, |replay, image, _| {
        block_on(async {
            let file = OneFile::of(image);
            let store = open(&file, OPTIONS).await;
            let acknowledged = replay.acknowledged;
            let held = course.prefix(&store, acknowledged..=acknowledged + 1).await;
            if held % every == 0 {
                course.complete(&store, held).await;
            }
            store.close().await.unwrap();
            is_sound(&file);
        });
    });
}

#[test]
fn redb_holds_all_acknowledged_events() {
    let course = block_on(Course::new(seed()));
    let tape = block_on(record(&course, OPTIONS));
    check(&course, &tape, crashes(60), 8);
}

#[test]
fn redb_with_eventual_durability_holds_whole_batches() {
    let options = OPTIONS.durability(Durability::Eventual);
    let course = block_on(Course::new(seed() + 1));
    let tape = block_on(record(&course, options));
    let mut taken_back = 0;
    crash(&tape, crashes(24), |replay, image, _| {
        block_on(async {
            let file = OneFile::of(image);
            let store = open(&file, options).await;
            let held = course.prefix(&store, 0..=replay.acknowledged + 1).await;
            taken_back += usize::from(held < replay.acknowledged);
            if held % 8 == 0 {
                course.complete(&store, held).await;
            }
            store.close().await.unwrap();
            is_sound(&file);
        });
    });
    assert!(taken_back > 0, "no crash took back a commit: nothing was shown");
}

#[test]
fn redb_recovers_from_a_crash_while_it_recovers() {
    let course = block_on(Course::new(seed() + 2));
    let tape = block_on(record(&course, OPTIONS));
    crash(&tape, crashes(12), |replay, image, _| {
        let least = replay.acknowledged;
        let first = OneFile::of(image);
        block_on(async {
            let store = open(&first, OPTIONS).await;
            let held = course.prefix(&store, least..=least + 1).await;
            first.disk.acknowledge(held);
            course.send(&store, &first.disk, held..held + 2).await;
        });
        crash(&first.disk.take_tape(), 8, |replay, image, _| {
            block_on(async {
                let file = OneFile::of(image);
                let store = open(&file, OPTIONS).await;
                // After the second crash the store returns what it returned after the first.
                let least = least.max(replay.acknowledged);
                course.prefix(&store, least..=least + 1).await;
                store.close().await.unwrap();
                is_sound(&file);
            });
        });
    });
}

/// Crashes while a file is created or migrated, then opens what is left and closes it.
fn opens_after_a_crash_while_it_was_opened(start: Image, expected: &Dump) {
    let first = OneFile::of(start);
    block_on(async { open(&first, OPTIONS).await.close().await.unwrap() });
    crash(&first.disk.take_tape(), crashes(40), |_, image, _| {
        block_on(async {
            let file = OneFile::of(image);
            let store = open(&file, OPTIONS).await;
            holds_and_resumes(&store, expected).await;
            store.close().await.unwrap();
            is_sound(&file);
        });
    });
}

#[test]
fn a_redb_file_opens_after_a_crash_during_its_creation() {
    opens_after_a_crash_while_it_was_opened(Image::new(), &Dump::default());
}

#[test]
fn an_older_redb_file_opens_after_a_crash_during_its_migration() {
    for name in ["schema-1.redb", "schema-2.redb"] {
        let start = Image::from([(NAME.to_owned(), golden(name))]);
        let expected = block_on(async {
            Dump::of(&open(&OneFile::of(start.clone()), OPTIONS).await).await.unwrap()
        });
        assert!(!expected.jobs.is_empty());
        opens_after_a_crash_while_it_was_opened(start, &expected);
    }
}
