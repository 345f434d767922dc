//! Logs whose application starts in the future.
//!
//! Of two runs of an application's id a store keeps the later one, so a start in the future would keep all real runs
//! out.

use std::time::{Duration, SystemTime};

use spark_analytics_core::Timestamp;
use spark_analytics_eventlog::{FoundLog, LogError, LogFile};

/// By how much clocks may differ: time zones that were set wrong are within it.
const CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// Refuses a log whose application starts more than a day after `now`.
pub(crate) fn refuse_future(
    log: &FoundLog,
    file: LogFile,
    now: SystemTime,
) -> Result<LogFile, LogError> {
    let latest = now.checked_add(CLOCK_SKEW).map_or(Timestamp::END, Timestamp::from);
    match file.snapshot.application.start_time {
        Some(start) if start > latest => Err(LogError::InFuture { name: log.name.clone(), start }),
        _ => Ok(file),
    }
}
