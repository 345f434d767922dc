//! Decides which logs the files of a folder make up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::names::{self, RollingPart};
use super::{Discovered, FoundLog, Location, LogKind, LogPart};

/// A file in the listing of its folder.
pub(super) struct Entry {
    /// The last segment of its path.
    pub(super) name: String,
    /// The whole path.
    pub(super) path: String,
    /// See [`FoundLog::source`].
    pub(super) canonical: String,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
    pub(super) location: Location,
    pub(super) identity: Option<(u64, u64)>,
}

impl Entry {
    fn part(self, index: u64) -> LogPart {
        let Self { path, size, modified, location, identity, .. } = self;
        LogPart { name: path, index, size, modified, location, identity }
    }

    /// The log in this file.
    pub(super) fn log(self) -> FoundLog {
        let log = FoundLog { canonical: self.canonical.clone(), ..FoundLog::named(&self.path) };
        FoundLog { parts: vec![self.part(1)], ..log }
    }
}

/// Whether the files of a folder are the parts of one rolling log.
pub(super) fn is_rolling(folder: &str, files: &[Entry]) -> bool {
    names::is_rolling_folder(names::last(folder))
        || files.iter().any(|file| names::is_app_status(&file.name))
            && files.iter().any(|file| RollingPart::of(&file.name).is_some())
}

/// Adds the logs that the files of a folder make up. `canonical` is the folder without links.
pub(super) fn sort_out(folder: &str, canonical: &str, files: Vec<Entry>, found: &mut Discovered) {
    if is_rolling(folder, &files) {
        return rolling(folder, canonical, files, found);
    }
    let mut rolled = BTreeMap::new();
    let mut logs = Vec::new();
    for file in files {
        if let Some(time) = names::databricks_time(&file.name) {
            // Two parts have the same time only if one is compressed; the longer name comes last.
            rolled.insert((time.to_owned(), file.name.clone()), file);
        } else if !names::is_left_alone(&file.name) && !names::is_app_status(&file.name) {
            logs.push(file.log());
        }
    }
    if !rolled.is_empty() {
        found.logs.push(databricks(folder, canonical, rolled.into_values()));
    }
    let ended: BTreeSet<String> =
        logs.iter().filter(|log| !log.is_in_progress).map(|log| log.name.clone()).collect();
    for log in logs {
        // Storage that cannot rename a file copies it first.
        if log.is_in_progress && ended.contains(log.id()) {
            found.skip(&log.name, "also exists without .inprogress");
        } else {
            found.logs.push(log);
        }
    }
}

fn databricks(folder: &str, canonical: &str, files: impl Iterator<Item = Entry>) -> FoundLog {
    let parts: Vec<LogPart> = (1..).zip(files).map(|(index, file)| file.part(index)).collect();
    FoundLog {
        name: folder.to_owned(),
        canonical: canonical.to_owned(),
        app_name: names::last(folder).to_owned(),
        is_in_progress: parts.iter().any(|part| names::is_databricks_last(names::last(&part.name))),
        kind: LogKind::Databricks,
        parts,
        warnings: Vec::new(),
    }
}

/// Spark's reader rejects a log with any of these warnings.
fn rolling(folder: &str, canonical: &str, files: Vec<Entry>, found: &mut Discovered) {
    let statuses: Vec<bool> = files
        .iter()
        .filter(|file| names::is_app_status(&file.name))
        .map(|file| names::is_in_progress(&file.name))
        .collect();
    let mut warnings = Vec::new();
    let app_name = rolling_app_name(folder, &files);
    // By number, and whether it is compacted.
    let mut parts: BTreeMap<(u64, bool), Entry> = BTreeMap::new();
    for file in files {
        let Some(part) = RollingPart::of(&file.name) else { continue };
        if part.app_name != app_name {
            warnings.push(format!("{} is left out: it is not a part of {app_name}", file.name));
            continue;
        }
        let key = (part.index, part.is_compacted);
        if let Some(other) = parts.remove(&key) {
            // Which one is complete is unknown, but the longer one cannot be a prefix of the other.
            let (kept, dropped) =
                if file.size > other.size { (file, other) } else { (other, file) };
            warnings.push(format!("part {} exists twice; {} is left out", key.0, dropped.name));
            parts.insert(key, kept);
        } else {
            parts.insert(key, file);
        }
    }
    let compacted = parts.keys().rev().find(|(_, is_compacted)| *is_compacted).copied();
    if let Some(first) = compacted {
        parts = parts.split_off(&first);
    }
    let parts: Vec<LogPart> =
        parts.into_iter().map(|((index, _), file)| file.part(index)).collect();
    let Some(first) = parts.first() else {
        return found.skip(folder, "is a rolling event log without parts");
    };
    if compacted.is_none() && first.index > 1 {
        warnings.push(parts_missing(1, first.index - 1));
    }
    for pair in parts.windows(2) {
        if pair[1].index > pair[0].index + 1 {
            warnings.push(parts_missing(pair[0].index + 1, pair[1].index - 1));
        }
    }
    if statuses.is_empty() {
        warnings.push("there is no appstatus file; the log is assumed to have ended".to_owned());
    }
    found.logs.push(FoundLog {
        name: folder.to_owned(),
        canonical: canonical.to_owned(),
        app_name,
        is_in_progress: !statuses.is_empty() && statuses.iter().all(|is_running| *is_running),
        kind: LogKind::Rolling,
        parts,
        warnings,
    });
}

/// The application of a rolling log: that of the folder's name, or else that of the first part.
fn rolling_app_name(folder: &str, files: &[Entry]) -> String {
    let parts: Vec<RollingPart<'_>> =
        files.iter().filter_map(|file| RollingPart::of(&file.name)).collect();
    let of_folder = names::app_name(folder);
    let first = parts.iter().min_by_key(|part| part.index).map_or(of_folder, |part| part.app_name);
    let is_of_folder = parts.iter().any(|part| part.app_name == of_folder);
    if is_of_folder { of_folder } else { first }.to_owned()
}

/// Says that parts of a log are missing, from one number to another.
pub(crate) fn parts_missing(first: u64, last: u64) -> String {
    match first == last {
        true => format!("part {first} is missing"),
        false => format!("parts {first} to {last} are missing"),
    }
}
