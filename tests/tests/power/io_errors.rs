//! Disk errors: the n-th access of a kind fails, once or until the disk is repaired.

use futures::executor::block_on;
use spark_analytics_core::Durability;
use spark_analytics_core::{Error, Result, Store};
use spark_analytics_redb::RedbOptions;
use spark_analytics_sqlite::SqliteStore;

use crate::backend::OneFile;
use crate::course::Course;
use crate::disk::{Access, Disk, Fault, IO_ERROR, NO_SPACE};
use crate::support::random::Random;
use crate::tape::Image;
use crate::vfs::watch;
use crate::{Told, crash, crashes, redb_store, seed, sqlite_store};

/// The possible failures, each once and lasting.
const KINDS: [(Access, i32); 5] = [
    (Access::Write, NO_SPACE),
    (Access::Write, IO_ERROR),
    (Access::SetLen, NO_SPACE),
    (Access::Sync, IO_ERROR),
    (Access::Read, IO_ERROR),
];

/// Batches sent before anything fails.
const HEALTHY: usize = 4;

/// Tries `test` with faults, or a sample of them, until they come too late to hit anything. Faults of every kind must hit,
/// except for accesses that `never` happen.
fn each_fault(sample: usize, never: &[Access], test: impl Fn(Fault) -> bool) {
    let mut random = Random::new(seed());
    for (access, error) in KINDS {
        let mut hits = 0;
        for times in [1, usize::MAX] {
            let mut after = 0;
            for _ in 0..crashes(sample) {
                let fault = Fault { access, after, times, error };
                let _told = Told(format!("seed {}, {fault:?}", seed()));
                if !test(fault) {
                    break;
                }
                hits += 1;
                // The sample gets sparser.
                after += if crashes(sample) > sample { 1 } else { 1 + random.below(1 + after) };
            }
        }
        println!("{hits} times {access:?} failed");
        assert_eq!(hits == 0, never.contains(&access), "{access:?} failed {hits} times");
    }
}

/// The error texts of stores on a failing disk.
const REASONS: [&str; 7] = [
    "No space left on device",
    "Input/output error",
    "its file failed in another call",
    "may have lost commits that were not yet durable",
    "database or disk is full",
    "disk I/O error",
    // What SQLite says if a read fails as it looks whether another connection has made tables meanwhile.
    "no such table: spark_meta",
];

/// The error says what happened and is not about damaged data.
fn is_clear(error: &Error) {
    let said = error.to_string();
    assert!(matches!(error, Error::Engine { .. } | Error::Unavailable { .. }), "{error:?}");
    assert!(REASONS.iter().any(|reason| said.contains(reason)), "{said}");
}

/// Sends a course while the disk fails. A failed batch is whole or absent, reads return whole batches or an error, and
/// everything works once the disk is repaired. Returns whether the fault hit anything.
async fn survives(course: &Course, store: &dyn Store, disk: &Disk, fault: Fault) -> bool {
    course.send(store, disk, 0..HEALTHY).await;
    disk.set_fault(Some(fault));
    let mut sent = HEALTHY;
    while let Some(batch) = course.batches.get(sent) {
        let read =
            if sent.is_multiple_of(3) { course.held_by(store).await.map(Some) } else { Ok(None) };
        if let Ok(Some(held)) = &read {
            assert!(course.held[sent..].iter().take(2).any(|expected| expected == held));
        }
        let written = batch.send(store).await;
        if let (Ok(_), Ok(())) = (&read, &written) {
            sent += 1;
            continue;
        }
        assert!(disk.failed() > 0, "an error without a cause: {read:?} {written:?}");
        read.err().iter().chain(written.err().iter()).for_each(is_clear);
        // Again on the failing disk, then on the repaired one.
        batch.send(store).await.err().iter().for_each(is_clear);
        disk.set_fault(None);
        let held = course.prefix(store, sent..=sent + 1).await;
        course.complete(store, held).await;
        return true;
    }
    let has_hit = disk.failed() > 0;
    disk.set_fault(None);
    course.prefix(store, sent..=sent).await;
    has_hit
}

fn redb_survives(course: &Course, options: RedbOptions, fault: Fault) -> bool {
    let file = OneFile::of(Image::new());
    let has_hit = block_on(async {
        let store = options.open_backend(file.backend()).await.unwrap();
        let has_hit = survives(course, &store, &file.disk, fault).await;
        store.close().await.unwrap();
        has_hit
    });
    redb_store::is_sound(&file);
    has_hit
}

#[test]
fn redb_resumes_after_disk_errors() {
    let course = block_on(Course::short(seed(), 12));
    each_fault(12, &[], |fault| redb_survives(&course, redb_store::OPTIONS, fault));
}

/// Acknowledged data may be lost, so the store does not continue by itself.
#[test]
fn redb_with_eventual_durability_holds_whole_batches_when_reopened() {
    let course = block_on(Course::short(seed() + 1, 12));
    let options = redb_store::OPTIONS.durability(Durability::Eventual);
    each_fault(3, &[], |fault| {
        let file = OneFile::of(Image::new());
        block_on(async {
            let store = options.open_backend(file.backend()).await.unwrap();
            file.disk.set_fault(Some(fault));
            let mut failed = None;
            for (number, batch) in (0..).zip(&course.batches) {
                if let Err(error) = batch.send(&store).await {
                    is_clear(&error);
                    failed.get_or_insert(number);
                }
            }
            file.disk.set_fault(None);
            if failed.is_some() {
                is_clear(&store.check().await.unwrap_err());
                is_clear(&store.close().await.unwrap_err());
            } else {
                store.close().await.unwrap();
            }
            let store = options.open_backend(file.backend()).await.unwrap();
            let most = failed.unwrap_or(course.batches.len());
            let held = course.prefix(&store, 0..=most + 1).await;
            course.complete(&store, held).await;
            store.close().await.unwrap();
            redb_store::is_sound(&file);
            failed.is_some()
        })
    });
}

#[test]
fn redb_opens_once_the_disk_works_again() {
    let course = block_on(Course::short(seed(), 6));
    each_fault(4, &[], |fault| {
        let file = OneFile::of(Image::new());
        file.disk.set_fault(Some(fault));
        block_on(async {
            let options = redb_store::OPTIONS;
            let first = options.open_backend(file.backend()).await;
            let has_hit = file.disk.failed() > 0;
            first.as_ref().err().into_iter().for_each(is_clear);
            drop(first);
            file.disk.set_fault(None);
            let store = options.open_backend(file.backend()).await.unwrap();
            course.complete(&store, 0).await;
            store.close().await.unwrap();
            redb_store::is_sound(&file);
            has_hit
        })
    });
}

/// The n-th sync fails, once.
fn failed_sync(after: usize) -> Option<Fault> {
    Some(Fault { access: Access::Sync, after, times: 1, error: IO_ERROR })
}

#[test]
fn redb_can_store_again_what_a_failed_sync_lost() {
    let course = block_on(Course::short(seed(), 10));
    for after in 0..crashes(8) {
        let file = OneFile::of(Image::new());
        let options = redb_store::OPTIONS;
        block_on(async {
            let store = options.open_backend(file.backend()).await.unwrap();
            file.disk.set_fault(failed_sync(after));
            course.insist(&store, &file.disk).await;
        });
        let hits = file.disk.failed();
        redb_store::check(&course, &file.disk.take_tape(), 8, 99);
        assert!(hits > 0 || after > 0, "no sync failed");
        if hits == 0 {
            break;
        }
    }
}

#[test]
fn redb_can_store_again_what_a_failed_sync_lost_on_closing() {
    let course = block_on(Course::short(seed(), 10));
    let options = redb_store::OPTIONS.durability(Durability::Eventual);
    let file = OneFile::of(Image::new());
    block_on(async {
        let store = options.open_backend(file.backend()).await.unwrap();
        for batch in &course.batches[..5] {
            batch.send(&store).await.unwrap();
        }
        file.disk.set_fault(failed_sync(0));
        is_clear(&store.close().await.unwrap_err());
        assert_eq!(file.disk.failed(), 1);
        let store = redb_store::OPTIONS.open_backend(file.backend()).await.unwrap();
        let held = course.prefix(&store, 0..=5).await;
        course.send(&store, &file.disk, held..10).await;
        store.close().await.unwrap();
    });
    crash(&file.disk.take_tape(), crashes(40), |replay, image, _| {
        block_on(async {
            let file = OneFile::of(image);
            let store = redb_store::OPTIONS.open_backend(file.backend()).await.unwrap();
            course.prefix(&store, replay.acknowledged..=10).await;
            store.close().await.unwrap();
            redb_store::is_sound(&file);
        });
    });
}

#[test]
fn sqlite_can_store_again_what_a_failed_sync_lost() {
    let course = block_on(Course::short(seed(), 10));
    for after in 0..crashes(8) {
        let disk = Disk::new(Image::new());
        sqlite_store::block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let _watched = watch(folder.path(), &disk);
            let store = sqlite_store::open_with_checkpoints(folder.path()).await;
            disk.set_fault(failed_sync(after));
            course.insist(&store, &disk).await;
            assert!(disk.failed() > 0 || after > 0, "no sync failed");
            disk.set_fault(None);
            store.close().await.unwrap();
        });
        sqlite_store::check(&course, &disk.take_tape(), 6, Durability::Immediate);
    }
}

#[test]
fn redb_keeps_its_lock_after_a_disk_error() {
    let course = block_on(Course::short(seed(), 6));
    let file = OneFile::of(Image::new());
    let options = redb_store::OPTIONS;
    let is_refused = async || {
        let error = options.open_backend(file.backend()).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    };
    block_on(async {
        let store = options.open_backend(file.backend()).await.unwrap();
        course.send(&store, &file.disk, 0..5).await;
        let (access, error) = (Access::Write, NO_SPACE);
        file.disk.set_fault(Some(Fault { access, after: 0, times: usize::MAX, error }));
        for _ in 0..3 {
            is_clear(&course.batches[5].send(&store).await.unwrap_err());
            is_refused().await;
        }
        file.disk.set_fault(None);
        course.complete(&store, 5).await;
        is_refused().await;
        store.close().await.unwrap();
    });
    redb_store::is_sound(&file);
}

#[test]
fn a_redb_store_closes_cleanly_after_an_error() {
    let course = block_on(Course::short(seed(), 6));
    for access in [Access::Write, Access::Sync] {
        let file = OneFile::of(Image::new());
        let options = redb_store::OPTIONS;
        block_on(async {
            let store = options.open_backend(file.backend()).await.unwrap();
            course.send(&store, &file.disk, 0..5).await;
            file.disk.set_fault(Some(Fault { access, after: 0, times: 1, error: IO_ERROR }));
            is_clear(&course.batches[5].send(&store).await.unwrap_err());
            store.close().await.unwrap();
            store.close().await.unwrap();
            assert!(store.check().await.is_err(), "it is closed");
        });
        redb_store::check(&course, &file.disk.take_tape(), 8, 99);
    }
}

async fn sqlite_survives(
    course: &Course,
    fault: Fault,
    open: impl AsyncFn(&std::path::Path) -> SqliteStore,
) -> bool {
    let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::new(Image::new()));
    let _watched = watch(folder.path(), &disk);
    let store = open(folder.path()).await;
    let has_hit = survives(course, &store, &disk, fault).await;
    sqlite_store::is_sound(folder.path()).await;
    store.close().await.unwrap();
    sqlite_store::is_sound(folder.path()).await;
    has_hit
}

#[test]
fn sqlite_resumes_after_disk_errors() {
    let course = block_on(Course::short(seed(), 12));
    each_fault(4, &[Access::SetLen], |fault| {
        let open = async |folder: &std::path::Path| {
            sqlite_store::open(folder, Durability::Immediate).await
        };
        sqlite_store::block_on(sqlite_survives(&course, fault, open))
    });
}

#[test]
fn sqlite_resumes_after_disk_errors_during_a_checkpoint() {
    let course = block_on(Course::short(seed() + 1, 12));
    each_fault(4, &[], |fault| {
        let open = sqlite_store::open_with_checkpoints;
        sqlite_store::block_on(sqlite_survives(&course, fault, open))
    });
}

#[test]
fn sqlite_opens_once_the_disk_works_again() {
    let course = block_on(Course::short(seed(), 6));
    each_fault(4, &[Access::SetLen], |fault| {
        let (folder, disk) = (tempfile::tempdir().unwrap(), Disk::new(Image::new()));
        sqlite_store::block_on(async {
            let _watched = watch(folder.path(), &disk);
            disk.set_fault(Some(fault));
            let path = folder.path().join(sqlite_store::NAME);
            let first: Result<SqliteStore> = SqliteStore::open(&path).await;
            let has_hit = disk.failed() > 0;
            first.as_ref().err().into_iter().for_each(is_clear);
            drop(first);
            disk.set_fault(None);
            let store = SqliteStore::open(&path).await.unwrap();
            course.complete(&store, 0).await;
            store.close().await.unwrap();
            sqlite_store::is_sound(folder.path()).await;
            has_hit
        })
    });
}
