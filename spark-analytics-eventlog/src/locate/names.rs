//! The names that Spark and Databricks give to files and folders.

const IN_PROGRESS: &str = ".inprogress";
const COMPACTED: &str = ".compact";
const CODECS: [&str; 6] = [".zstd", ".zst", ".lz4", ".snappy", ".lzf", ".gz"];

const ROLLING_FOLDER: &str = "eventlog_v2_";
const ROLLING_PART: &str = "events_";
const APP_STATUS: &str = "appstatus_";
const DATABRICKS: &str = "eventlog";

/// The last segment of a path.
pub(super) fn last(path: &str) -> &str {
    let path = path.trim_end_matches(['/', '\\']);
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// The application id to use if the log has none: the name without the prefixes and suffixes that Spark adds.
pub(crate) fn app_name(path: &str) -> &str {
    let name = last(path);
    let name = RollingPart::of(name).map_or(name, |part| part.app_name);
    let name = name.strip_prefix(ROLLING_FOLDER).unwrap_or(name);
    let name = name.strip_suffix(COMPACTED).unwrap_or(name);
    without_codec(without_in_progress(name))
}

pub(crate) fn is_in_progress(name: &str) -> bool {
    name.ends_with(IN_PROGRESS)
}

pub(super) fn without_in_progress(name: &str) -> &str {
    name.strip_suffix(IN_PROGRESS).unwrap_or(name)
}

pub(crate) fn is_compacted(name: &str) -> bool {
    name.ends_with(COMPACTED)
}

fn without_codec(name: &str) -> &str {
    CODECS.iter().find_map(|codec| name.strip_suffix(codec)).unwrap_or(name)
}

/// Whether an entry of a folder is ignored.
pub(super) fn is_left_alone(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

pub(super) fn is_rolling_folder(name: &str) -> bool {
    name.starts_with(ROLLING_FOLDER)
}

pub(super) fn is_app_status(name: &str) -> bool {
    name.starts_with(APP_STATUS)
}

/// `events_<n>_<app>[.codec][.compact]`.
pub(super) struct RollingPart<'a> {
    pub(super) index: u64,
    pub(super) is_compacted: bool,
    pub(super) app_name: &'a str,
}

impl<'a> RollingPart<'a> {
    pub(super) fn of(name: &'a str) -> Option<Self> {
        let (index, app) = name.strip_prefix(ROLLING_PART)?.split_once('_')?;
        let is_number = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        let without = app.strip_suffix(COMPACTED);
        Some(Self {
            index: index.parse().ok().filter(|_| is_number)?,
            is_compacted: without.is_some(),
            app_name: without_codec(without.unwrap_or(app)),
        })
    }
}

/// When a part of a Databricks log was rolled, in a form that sorts by time. The last part has not been rolled.
pub(super) fn databricks_time(name: &str) -> Option<&str> {
    const PATTERN: &[u8] = b"-0000-00-00--00-00";
    const NOT_ROLLED: &str = "~";
    let time = name.strip_prefix(DATABRICKS)?;
    if time.is_empty() {
        return Some(NOT_ROLLED);
    }
    let time = without_codec(time);
    let is_like = |(have, like): (u8, &u8)| match like {
        b'0' => have.is_ascii_digit(),
        _ => have == *like,
    };
    (time.len() == PATTERN.len() && time.bytes().zip(PATTERN).all(is_like)).then_some(time)
}

/// Whether it is the part of a Databricks log that has not been rolled yet.
pub(super) fn is_databricks_last(name: &str) -> bool {
    name == DATABRICKS
}
