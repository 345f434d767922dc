//! Logs in the file system.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[cfg(unix)]
use rustix::fs::OFlags;

use super::folder::{self, Entry};
use super::names;
use super::{Discovered, Limits, Location, LogKind};

/// Finds logs within limits; folders at the depth of the limits are searched for rolled logs only.
pub(super) fn find(path: &Path, limits: Limits) -> Discovered {
    // Without a trailing slash, so that each log has one name.
    let path = &path.components().collect::<PathBuf>();
    let mut walk = Walk { found: Discovered::default(), seen: BTreeSet::new(), limits, files: 0 };
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk.folder(path),
        Ok(metadata) if metadata.is_file() => {
            walk.found.logs.push(entry(path.to_owned(), canonical(path), &metadata).log());
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
    limits: Limits,
    /// Number of files found so far.
    files: usize,
}

impl Walk {
    fn folder(&mut self, start: &Path) {
        let mut left = vec![(start.to_owned(), 0)];
        while let Some((folder, depth)) = left.pop() {
            if self.files >= self.limits.files {
                let reason = format!("there are {} or more files before it", self.limits.files);
                return self.found.fail(&text(&folder), &io::Error::other(reason));
            }
            match self.list(&folder, depth) {
                Ok(folders) => left.extend(folders.into_iter().map(|folder| (folder, depth + 1))),
                Err(error) => self.found.fail(&text(&folder), &error),
            }
        }
    }

    /// Adds the logs of a folder and returns its subfolders in descending order of their names.
    fn list(&mut self, folder: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
        let real = folder.canonicalize()?;
        if !self.seen.insert(real.clone()) {
            self.found.skip(&text(folder), "leads to a folder that was already visited");
            return Ok(Vec::new());
        }
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for listed in fs::read_dir(folder)? {
            let listed = listed?;
            let path = listed.path();
            if names::is_left_alone(&text(path.file_name().unwrap_or_default().as_ref())) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => folders.push(path),
                Ok(metadata) if metadata.is_file() => {
                    let is_link = listed.file_type().is_ok_and(|kind| kind.is_symlink());
                    let place =
                        if is_link { canonical(&path) } else { real.join(listed.file_name()) };
                    files.push(entry(path, place, &metadata));
                }
                Ok(_) => self.found.skip(&text(&path), "is neither a file nor a folder"),
                // Spark renames and deletes logs while they are listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => {}
                Err(error) => self.found.fail(&text(&path), &error),
            }
        }
        self.files += files.len();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        folders.sort_by(|a, b| b.cmp(a));
        if depth >= self.limits.depth || folder::is_rolling(&text(folder), &files) {
            folders.clear();
        }
        let before = self.found.logs.len();
        folder::sort_out(&text(folder), &text(&real), files, &mut self.found);
        if depth >= self.limits.depth {
            let logs = self.found.logs.split_off(before);
            self.found.logs.extend(logs.into_iter().filter(|log| log.kind != LogKind::File));
        }
        Ok(folders)
    }
}

/// A path without links; the path itself if it no longer exists.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn entry(path: PathBuf, canonical: PathBuf, metadata: &Metadata) -> Entry {
    Entry {
        name: text(path.file_name().unwrap_or_default().as_ref()),
        path: text(&path),
        canonical: text(&canonical),
        size: metadata.len(),
        modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        location: Location::Local(path),
        identity: identity(metadata),
    }
}

/// Opens a file for reading, without waiting for what is not a file: between listing and opening, a pipe or a device may
/// have taken its place.
///
/// # Errors
/// `NotFound` if it is not the file that was listed, and those of the system.
pub(super) fn open(path: &Path, identity: Option<(u64, u64)>) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || self::identity(&metadata) != identity {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "another file has taken its place since it was listed",
        ));
    }
    Ok(file)
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
