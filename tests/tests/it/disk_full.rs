//! A disk that is really full: a small file system in memory that only one process sees.

use std::future::Future;
use std::io::Write;
use std::process::Command;

use spark_analytics_core::Store;
use spark_analytics_redb::RedbStore;
use tempfile::TempDir;

use crate::support::again;
use crate::support::on_file::{OnFile, Redb, Sqlite, holds, whole_job};
use crate::support::plain_user;
use crate::support::small_disk::{fill, make_room, mounts, take_until_full};

const DISK: &str = "SPARK_ANALYTICS_TEST_DISK";

/// Runs the body of a test with its own small disk, in a new process that runs the test of this name.
fn on_a_small_disk<F: Future<Output = ()>>(test: &str, body: impl FnOnce(TempDir) -> F) {
    if std::env::var_os(DISK).is_some() {
        let folder = TempDir::new().unwrap();
        assert!(mounts(&mut Command::new("mount"), folder.path()), "mounted before");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(body(folder));
    }
    let apart: &[&str] =
        if plain_user::is_root() { &["--mount"] } else { &["--map-root-user", "--mount"] };
    let tried = TempDir::new().unwrap();
    if !mounts(Command::new("unshare").args(apart).arg("mount"), tried.path()) {
        // The harness hides what macros print in a test that passes.
        let not_tested = format!("\nNOT TESTED: {test}: unshare {apart:?} may not mount here\n");
        std::io::stderr().write_all(not_tested.as_bytes()).unwrap();
        return;
    }
    let run = again::command(test);
    let mut command = Command::new("unshare");
    command.args(apart).arg(run.get_program()).args(run.get_args()).env(DISK, "small");
    let ran = command.output().unwrap();
    let output = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && output.contains("1 passed"), "on a small disk: {output}");
    print!("{output}");
}

/// Sends batches until the disk is full, some pages earlier or later each time, and then again with free space.
async fn full<S: OnFile>(folder: TempDir, expected: &str) {
    let path = folder.path().join("store");
    let store = S::open(&path).await.unwrap();
    let taken = take_until_full(&store, folder.path(), expected).await;
    holds(&store, &taken).await;
    fill(folder.path(), 0);
    let _ = store.close().await;
    make_room(folder.path());
    let store = S::open(&path).await.unwrap();
    holds(&store, &taken).await;
    store.close().await.unwrap();
    S::check_integrity(&path).await;
}

/// SQLite reports the last one if there is no space for its index of the log.
const FULL_DISK: [&str; 3] =
    ["No space left on device", "database or disk is full", "(code: 4874) disk I/O error"];

/// A store cannot be created on a full disk, and can be once there is space.
async fn made_when_full<S: OnFile>(folder: TempDir) {
    let path = folder.path().join("store");
    for pages in 0.. {
        fill(folder.path(), pages * 4_096);
        let made = S::open(&path).await;
        make_room(folder.path());
        match made {
            Err(error) => {
                let error = error.to_string();
                let is_expected = FULL_DISK.iter().any(|expected| error.contains(expected));
                assert!(is_expected, "{pages} pages: {error}");
            }
            Ok(store) => {
                assert!(pages > 0, "the disk was not full");
                store.ingest(whole_job(1, 1)).await.unwrap();
                store.close().await.unwrap();
                break;
            }
        }
        if pages % 4 == 3 {
            let store = S::open(&path).await.unwrap();
            store.ingest(whole_job(1, 1)).await.unwrap();
            holds(&store, &whole_job(1, 1)).await;
            store.close().await.unwrap();
            S::check_integrity(&path).await;
            std::fs::remove_file(&path).unwrap();
        }
    }
}

#[test]
fn sqlite_refuses_batches_while_the_disk_is_full_and_then_resumes() {
    on_a_small_disk(
        "disk_full::sqlite_refuses_batches_while_the_disk_is_full_and_then_resumes",
        |folder| full::<Sqlite>(folder, "database or disk is full"),
    );
}

#[test]
fn redb_refuses_batches_while_the_disk_is_full_and_then_resumes() {
    let test = "disk_full::redb_refuses_batches_while_the_disk_is_full_and_then_resumes";
    on_a_small_disk(test, |folder| full::<Redb>(folder, "No space left on device"));
}

#[test]
fn sqlite_is_created_once_the_disk_has_space() {
    on_a_small_disk(
        "disk_full::sqlite_is_created_once_the_disk_has_space",
        made_when_full::<Sqlite>,
    );
}

#[test]
fn redb_leaves_no_file_if_it_cannot_create_the_store() {
    on_a_small_disk(
        "disk_full::redb_leaves_no_file_if_it_cannot_create_the_store",
        async |folder: TempDir| {
            let path = folder.path().join("store");
            fill(folder.path(), 4_096);
            assert!(RedbStore::options().create(&path).await.is_err());
            assert!(!path.exists());
            make_room(folder.path());
            RedbStore::options().create(&path).await.unwrap().close().await.unwrap();
        },
    );
}

#[test]
fn redb_is_created_once_the_disk_has_space() {
    on_a_small_disk("disk_full::redb_is_created_once_the_disk_has_space", made_when_full::<Redb>);
}
