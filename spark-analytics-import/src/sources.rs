//! Which logs need not be read again.

use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_eventlog::FoundLog;

/// The source to record with a log's facts: the location, size and time by which an importer
/// recognises it and skips it unread.
///
/// `None` while the log may still grow: its name ends in `.inprogress` and its application has not
/// ended.
pub fn source_to_record(log: &FoundLog, snapshot: &LogSnapshot) -> Option<LogSource> {
    let is_final = !log.is_in_progress || snapshot.application.ended;
    is_final.then(|| log.source())
}
