//! A small file that is replaced as a whole, by one command at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::commands::private::private;

/// The new file is beside the old one, under a name that another command would need, too: so it is their lock.
#[derive(Debug)]
pub(super) struct Edit {
    path: PathBuf,
    new: PathBuf,
    file: File,
    is_renamed: bool,
}

impl Edit {
    /// Begins to replace a file, which need not exist.
    pub(super) fn begin(path: &Path) -> anyhow::Result<Self> {
        // A link stays a link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        match private(OpenOptions::new().write(true).create_new(true)).open(&new) {
            Ok(file) => Ok(Self { path, new, file, is_renamed: false }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
                "{} exists: another command is changing the tokens; if there is none, delete that file",
                new.display()
            ),
            Err(error) => Err(error).with_context(|| format!("cannot write {}", new.display())),
        }
    }

    /// The text of the old file, `None` if it does not exist.
    pub(super) fn text(&self) -> anyhow::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.path.display()))
            }
        }
    }

    /// Replaces the old file, whose owner and mode the new one has.
    pub(super) fn end(mut self, text: &str) -> anyhow::Result<()> {
        self.replace(text).with_context(|| format!("cannot replace {}", self.path.display()))
    }

    fn replace(&mut self, text: &str) -> std::io::Result<()> {
        match fs::metadata(&self.path) {
            Ok(old) => {
                keep_owner(&self.file, &old)?;
                self.file.set_permissions(old.permissions())?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()?;
        fs::rename(&self.new, &self.path)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl Drop for Edit {
    fn drop(&mut self) {
        // Once it is renamed, a file of that name is another command's.
        if !self.is_renamed {
            let _ = fs::remove_file(&self.new);
        }
    }
}

/// A server that runs as another user must still be able to read the file.
#[cfg(unix)]
fn keep_owner(file: &File, old: &fs::Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let new = file.metadata()?;
    let change = |new: u32, old: u32| (new != old).then_some(old);
    match (change(new.uid(), old.uid()), change(new.gid(), old.gid())) {
        (None, None) => Ok(()),
        (user, group) => fchown(file, user, group),
    }
}

#[cfg(not(unix))]
const fn keep_owner(_: &File, _: &fs::Metadata) -> std::io::Result<()> {
    Ok(())
}
