//! What was skipped: named or counted.

use std::path::{Path, PathBuf};

use anyhow::bail;
use indicatif::ProgressBar;

use crate::commands::logs::LeftOut;
use crate::output::progress;

/// The maximum number of skipped files that are named without `--verbose`, and with it.
const NAMED: usize = 10;
const NAMED_IF_VERBOSE: usize = 1_000;

/// Names or counts skipped files. Those that look like logs are named, and so are all others with `--verbose`.
pub(super) struct Skips<'a> {
    /// The paths on the command line.
    paths: &'a [PathBuf],
    is_verbose: bool,
    said: usize,
    not_said: usize,
    /// Why files that the user named were skipped.
    of_paths: Vec<String>,
}

impl<'a> Skips<'a> {
    pub(super) const fn new(paths: &'a [PathBuf], is_verbose: bool) -> Self {
        Self { paths, is_verbose, said: 0, not_said: 0, of_paths: Vec::new() }
    }

    /// Reports or counts a skipped file.
    pub(super) fn add(&mut self, skipped: &LeftOut, bar: &ProgressBar) {
        if self.paths.iter().any(|path| path == Path::new(&skipped.path)) {
            self.of_paths.push(skipped.reason.clone());
        } else if (self.is_verbose || !skipped.is_other_file) && self.has_room() {
            self.said += 1;
            progress::say_above(bar, &format!("skipped: {}", skipped.reason));
        } else {
            self.not_said += 1;
        }
    }

    const fn has_room(&self) -> bool {
        self.said < if self.is_verbose { NAMED_IF_VERBOSE } else { NAMED }
    }

    /// Reports the files that the user named, and the number of those that were not reported.
    ///
    /// # Errors
    /// If nothing was imported, and the user named a file that is not an event log.
    pub(super) fn end(&self, has_imported: bool, is_quiet: bool) -> anyhow::Result<()> {
        let hint = match (self.is_verbose, self.not_said) {
            (true, _) => "",
            (false, 1) => " (--verbose names it)",
            (false, _) => " (--verbose lists them)",
        };
        match self.not_said {
            _ if is_quiet => {}
            0 => {}
            1 => progress::say(&format!("skipped: 1 file that is not an event log{hint}")),
            count => {
                progress::say(&format!("skipped: {count} files that are not event logs{hint}"))
            }
        }
        if has_imported {
            let reasons = self.of_paths.iter().map(|reason| format!("skipped: {reason}"));
            reasons.for_each(|line| progress::say(&line));
            return Ok(());
        }
        match self.of_paths.as_slice() {
            [] if is_quiet => {}
            [] => {
                let paths = self.paths.iter().map(|path| path.display().to_string());
                let paths = paths.collect::<Vec<_>>().join(", ");
                let line = format!("nothing was imported: there is no event log in {paths}");
                progress::say(&line);
            }
            [reason] => bail!("nothing was imported: {reason}"),
            reasons => bail!("nothing was imported: {}", reasons.join("; ")),
        }
        Ok(())
    }
}
