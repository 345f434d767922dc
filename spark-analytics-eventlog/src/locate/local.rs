//! Logs in the file system.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::folder::{self, Entry};
use super::names;
use super::{Discovered, Location, LogKind};

/// Finds logs down to a depth; folders at that depth are searched for rolled logs only.
pub(super) fn find(path: &Path, depth: usize) -> Discovered {
    // Without a trailing slash, so that each log has one name.
    let path = &path.components().collect::<PathBuf>();
    let mut walk = Walk { found: Discovered::default(), seen: BTreeSet::new(), depth };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk.folder(path),
        Ok(metadata) if metadata.is_file() => {
            walk.found.logs.push(entry(path.to_owned(), &metadata).log());
        }
        Ok(_) => walk.found.skip(&text(path), "is neither a file nor a folder"),
        Err(error) => walk.found.fail(&text(path), &error),
    }
    walk.found.sort();
    walk.found
}

struct Walk {
    found: Discovered,
    /// Folders by their canonical paths, since a link may lead back to a folder above it.
    seen: BTreeSet<PathBuf>,
    depth: usize,
}

impl Walk {
    fn folder(&mut self, start: &Path) {
        let mut left = vec![(start.to_owned(), 0)];
        while let Some((folder, depth)) = left.pop() {
            match self.list(&folder, depth) {
                Ok(folders) => left.extend(folders.into_iter().map(|folder| (folder, depth + 1))),
                Err(error) => self.found.fail(&text(&folder), &error),
            }
        }
    }

    /// Adds the logs of a folder and returns its subfolders in descending order of their names.
    fn list(&mut self, folder: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
        if !self.seen.insert(folder.canonicalize()?) {
            self.found.skip(&text(folder), "leads to a folder that was already visited");
            return Ok(Vec::new());
        }
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if names::is_left_alone(&text(path.file_name().unwrap_or_default().as_ref())) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => folders.push(path),
                Ok(metadata) if metadata.is_file() => files.push(self::entry(path, &metadata)),
                Ok(_) => self.found.skip(&text(&path), "is neither a file nor a folder"),
                // Spark renames and deletes logs while they are listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {}
                Err(error) => self.found.fail(&text(&path), &error),
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        folders.sort_by(|a, b| b.cmp(a));
        if depth >= self.depth || folder::is_rolling(&text(folder), &files) {
            folders.clear();
        }
        let before = self.found.logs.len();
        folder::sort_out(&text(folder), files, &mut self.found);
        if depth >= self.depth {
            let logs = self.found.logs.split_off(before);
            self.found.logs.extend(logs.into_iter().filter(|log| log.kind != LogKind::File));
        }
        Ok(folders)
    }
}

fn entry(path: PathBuf, metadata: &Metadata) -> Entry {
    Entry {
        name: text(path.file_name().unwrap_or_default().as_ref()),
        path: text(&path),
        size: metadata.len(),
        modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        location: Location::Local(path),
        identity: identity(metadata),
    }
}

/// Whether a file is the same and has at least this many bytes, or no longer exists.
pub(super) fn still_has(path: &Path, identity: Option<(u64, u64)>, bytes: u64) -> bool {
    fs::metadata(path).map_or(true, |metadata| {
        self::identity(&metadata) == identity && (metadata.len() >= bytes || !metadata.is_file())
    })
}

/// The device and inode number of a file.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
const fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
