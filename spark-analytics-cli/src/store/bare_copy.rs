//! SQLite files that may be copies without their write-ahead log.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What to say before a store is created in an existing file, if that may be a copy of a store in use.
///
/// A copy without the log, made before any of it was moved into the file, has a single page, which is empty but for
/// the header. So has a file whose creation a loss of power has ended, so it is not refused.
pub(crate) fn warning(path: &Path) -> Option<String> {
    const HEADER: usize = 100;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let mut header = [0; HEADER];
    File::open(path).and_then(|mut file| file.read_exact(&mut header)).ok()?;
    let is_logged = header.starts_with(b"SQLite format 3\0") && header[18..20] == [2, 2];
    let has_one_page = header[28..32] == [0, 0, 0, 1];
    (is_logged && has_one_page && !Path::new(&log).exists()).then(|| {
        format!(
            "warning: {} has no tables, so a new store is created in it; if it is a copy of a store in use, it lacks \
             the file `-wal` of the original: copy with `VACUUM INTO`",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use spark_analytics_core::Store;
    use spark_analytics_sqlite::SqliteStore;

    use super::*;

    #[tokio::test]
    async fn only_a_copy_without_its_log_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let live = SqliteStore::open(path("live.db")).await.unwrap();
        std::fs::copy(path("live.db"), path("copy.db")).unwrap();
        std::fs::write(path("empty.db"), "").unwrap();
        std::fs::write(path("other"), [b'x'; 4_096]).unwrap();
        assert!(warning(&path("copy.db")).unwrap().contains("copy.db has no tables"));
        for name in ["live.db", "empty.db", "other", "missing"] {
            assert_eq!(warning(&path(name)), None, "{name}");
        }
        live.close().await.unwrap();
        std::fs::copy(path("live.db"), path("closed.db")).unwrap();
        assert_eq!(warning(&path("closed.db")), None);
    }
}
