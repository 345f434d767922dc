//! A small file system, and a store on it when it is full.
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use spark_analytics_core::{Event, Store};

use crate::support::on_file::{holds, whole_job};

/// Its size.
const MEBIBYTES: usize = 12;

/// Mounts it, with `mount` or a command that runs it; returns whether that is possible.
pub(crate) fn mounts(mount: &mut Command, folder: &Path) -> bool {
    let size = format!("size={MEBIBYTES}m");
    let tried = mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// Fills the disk except for `but` bytes.
pub(crate) fn fill(folder: &Path, but: usize) {
    let ballast = folder.join("ballast");
    // It ends where the disk is full.
    let _ = std::fs::write(&ballast, vec![1; MEBIBYTES << 20]);
    let file = std::fs::File::options().write(true).open(ballast).unwrap();
    let len = file.metadata().unwrap().len() as usize;
    file.set_len(len.saturating_sub(but) as u64).unwrap();
}

pub(crate) fn make_room(folder: &Path) {
    std::fs::remove_file(folder.join("ballast")).unwrap();
}

/// Sends batches until the disk is full, some pages earlier or later each time, and then again with free space. Each
/// error contains `expected`. Returns the events that the store holds then.
pub(crate) async fn take_until_full(
    store: &Arc<dyn Store>,
    folder: &Path,
    expected: &str,
) -> Vec<Event> {
    let mut taken: Vec<Event> = Vec::new();
    let (mut jobs, mut refused) = (0..60, 0);
    for round in 0..8 {
        fill(folder, round * 17 * 4_096);
        for job_id in jobs.by_ref() {
            let batch = whole_job(job_id, 300);
            let Err(error) = store.ingest(batch.clone()).await else {
                taken.extend(batch);
                continue;
            };
            refused += 1;
            let error = error.to_string();
            assert!(error.contains(expected), "{error}");
            holds(store, &taken).await;
            make_room(folder);
            holds(store, &taken).await;
            store.ingest(batch.clone()).await.unwrap();
            taken.extend(batch);
            break;
        }
    }
    println!("{refused} batches refused, {} events taken", taken.len());
    assert!(refused > 5, "{refused} batches were refused");
    taken
}
