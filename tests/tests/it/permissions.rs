//! Files and folders without permission to read or write, or that were moved.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::support::on_file::{OnFile, Redb, Sqlite, holds, whole_job};
use crate::support::plain_user::as_plain_user;

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// A file with one job, closed.
async fn made<S: OnFile>(path: &Path) {
    let store = S::open(path).await.unwrap();
    store.ingest(whole_job(1, 1)).await.unwrap();
    store.close().await.unwrap();
}

async fn refusal<S: OnFile>(path: &Path) -> String {
    let folder = path.parent().unwrap().display().to_string();
    S::open(path).await.unwrap_err().to_string().replace(&folder, "DIR")
}

/// Modes of the file and its folder with which a store cannot be opened.
const READ_ONLY: (u32, u32) = (0o444, 0o755);
const NO_FILE: (u32, u32) = (0, 0o755);
const READ_ONLY_FOLDER: (u32, u32) = (0o644, 0o555);
const NO_FOLDER: (u32, u32) = (0o644, 0);

/// A store that cannot be opened reports `expected`; with permission it opens with all its data and works.
async fn refused<S: OnFile>(modes: &[(u32, u32)], expected: &str) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    made::<S>(&path).await;
    let mut events = whole_job(1, 1);
    for (job_id, (file, directory)) in (2..).zip(modes) {
        allow(&path, *file);
        allow(folder.path(), *directory);
        let refusal = refusal::<S>(&path).await;
        allow(folder.path(), 0o755);
        allow(&path, 0o644);
        assert_eq!(refusal, expected, "{file:o} in {directory:o}");

        let store = S::open(&path).await.unwrap();
        holds(&store, &events).await;
        store.ingest(whole_job(job_id, 1)).await.unwrap();
        events.extend(whole_job(job_id, 1));
        holds(&store, &events).await;
        store.close().await.unwrap();
    }
    S::check_integrity(&path).await;
}

#[test]
fn a_read_only_sqlite_file_is_refused_until_it_is_writable() {
    let expected = "cannot open `DIR/store`: `DIR/store` must be a readable and writable file in a writable directory";
    as_plain_user(
        "permissions::a_read_only_sqlite_file_is_refused_until_it_is_writable",
        refused::<Sqlite>(&[READ_ONLY, NO_FILE, READ_ONLY_FOLDER, NO_FOLDER], expected),
    );
}

#[test]
fn a_read_only_redb_file_is_refused_until_it_is_writable() {
    let expected = "cannot open `DIR/store`: it must be a readable and writable file";
    as_plain_user(
        "permissions::a_read_only_redb_file_is_refused_until_it_is_writable",
        refused::<Redb>(&[READ_ONLY, NO_FILE, NO_FOLDER], expected),
    );
}

/// An open store keeps working, and what it acknowledges then is there when it is opened again.
async fn resumes<S: OnFile>() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    made::<S>(&path).await;
    let mut events = whole_job(1, 1);
    let aside = folder.path().with_extension("aside");
    for (job_id, is_moved) in [(2, false), (3, true)] {
        let store = S::open(&path).await.unwrap();
        if is_moved {
            std::fs::rename(folder.path(), &aside).unwrap();
        } else {
            allow(&path, 0);
            allow(folder.path(), 0);
        }
        store.ingest(whole_job(job_id, 1)).await.unwrap();
        events.extend(whole_job(job_id, 1));
        holds(&store, &events).await;
        store.close().await.unwrap();
        let refusal = refusal::<S>(&path).await;
        if is_moved {
            assert_eq!(
                refusal,
                "cannot open `DIR/store`: there is no directory `DIR`; create it first"
            );
            std::fs::rename(&aside, folder.path()).unwrap();
        } else {
            assert!(refusal.contains("`DIR/store`"), "{refusal}");
            allow(folder.path(), 0o755);
            allow(&path, 0o644);
        }
        let store = S::open(&path).await.unwrap();
        holds(&store, &events).await;
        store.close().await.unwrap();
    }
    S::check_integrity(&path).await;
}

#[test]
fn an_open_sqlite_store_survives_lost_permissions_and_a_renamed_folder() {
    as_plain_user(
        "permissions::an_open_sqlite_store_survives_lost_permissions_and_a_renamed_folder",
        resumes::<Sqlite>(),
    );
}

#[test]
fn an_open_redb_store_survives_lost_permissions_and_a_renamed_folder() {
    as_plain_user(
        "permissions::an_open_redb_store_survives_lost_permissions_and_a_renamed_folder",
        resumes::<Redb>(),
    );
}

#[test]
fn a_read_only_log_is_named() {
    as_plain_user("permissions::a_read_only_log_is_named", async {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store");
        let store = Sqlite::open(&path).await.unwrap();
        store.ingest(whole_job(1, 1)).await.unwrap();
        allow(&folder.path().join("store-wal"), 0o444);
        assert_eq!(
            refusal::<Sqlite>(&path).await,
            "cannot open `DIR/store`: `DIR/store-wal` must be a readable and writable file in a writable directory"
        );
        allow(&folder.path().join("store-wal"), 0o644);
        holds(&Sqlite::open(&path).await.unwrap(), &whole_job(1, 1)).await;
    });
}

/// Makes files immutable or mutable again; returns whether that is possible.
fn set_immutable(folder: &Path, is_immutable: bool) -> bool {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    // SQLite's index of its log is shared memory: the kernel would kill a process that writes to it.
    let files = files.filter(|file| !file.ends_with("store-shm"));
    let flag = if is_immutable { "+i" } else { "-i" };
    let set = std::process::Command::new("chattr").arg(flag).args(files).output();
    set.is_ok_and(|set| set.status.success())
}

/// The file system refuses writes to files that are open for writing, like one that the kernel has made
/// read-only after an error.
async fn frozen<S: OnFile>(test: &str, reads_meanwhile: bool) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = S::open(&path).await.unwrap();
    let mut taken = whole_job(0, 3);
    store.ingest(taken.clone()).await.unwrap();
    for job_id in 1..4 {
        if !set_immutable(folder.path(), true) {
            let not_tested = format!("\nNOT TESTED: {test}: chattr +i is not possible here\n");
            std::io::stderr().write_all(not_tested.as_bytes()).unwrap();
            return;
        }
        let refused = store.ingest(whole_job(job_id, 3)).await;
        let seen = store.check().await;
        assert!(set_immutable(folder.path(), false));
        let message = refused.expect_err("nothing may be written").to_string();
        let reasons = ["disk I/O error", "Operation not permitted"];
        assert!(reasons.iter().any(|reason| message.contains(reason)), "{message}");
        assert!(seen.is_ok() || !reads_meanwhile, "{seen:?}");
        holds(&store, &taken).await;
        store.ingest(whole_job(job_id, 3)).await.unwrap();
        taken.extend(whole_job(job_id, 3));
        holds(&store, &taken).await;
    }
    store.close().await.unwrap();
    S::check_integrity(&path).await;
}

#[tokio::test]
async fn sqlite_resumes_once_its_open_files_are_writable_again() {
    let test = "sqlite_resumes_once_its_open_files_are_writable_again";
    frozen::<Sqlite>(test, true).await;
}

#[tokio::test]
async fn redb_resumes_once_its_open_file_is_writable_again() {
    let test = "redb_resumes_once_its_open_file_is_writable_again";
    frozen::<Redb>(test, false).await;
}
