//! Files that a store creates are its owner's alone; those that exist keep their mode.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::support::on_file::{OnFile, Redb, Sqlite, whole_job};

fn modes(folder: &Path) -> Vec<(String, u32)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mode = |entry: &std::fs::DirEntry| entry.metadata().unwrap().permissions().mode() & 0o777;
    entries.map(|entry| (entry.file_name().into_string().unwrap(), mode(&entry))).collect()
}

async fn are_private<S: OnFile>(files: usize) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let store = S::open(&path).await.unwrap();
    store.ingest(whole_job(1, 1)).await.unwrap();
    let made = modes(folder.path());
    assert_eq!(made.len(), files, "{made:?}");
    assert!(made.iter().all(|(_, mode)| *mode == 0o600), "{made:?}");
    store.close().await.unwrap();

    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o660)).unwrap();
    let store = S::open(&path).await.unwrap();
    store.ingest(whole_job(2, 1)).await.unwrap();
    let kept = modes(folder.path());
    assert!(kept.contains(&("store".to_owned(), 0o660)), "{kept:?}");
    store.close().await.unwrap();

    // Also through a link that was made before the file.
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink("other", folder.path().join("store")).unwrap();
    let store = S::open(&folder.path().join("store")).await.unwrap();
    store.ingest(whole_job(1, 1)).await.unwrap();
    let mode = std::fs::metadata(folder.path().join("other")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    store.close().await.unwrap();
}

#[tokio::test]
async fn new_sqlite_files_are_readable_by_their_owner_alone() {
    are_private::<Sqlite>(3).await;
}

#[tokio::test]
async fn a_new_redb_file_is_readable_by_its_owner_alone() {
    are_private::<Redb>(1).await;
}
