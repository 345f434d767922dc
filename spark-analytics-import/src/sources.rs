//! Which logs need not be read again.

use std::collections::{BTreeMap, BTreeSet};

use spark_analytics_core::log::{LogRun, LogSnapshot, LogSource};
use spark_analytics_core::{AttemptKey, Result, Store};
use spark_analytics_eventlog::FoundLog;

/// Number of applications read at a time.
const PAGE: usize = 1_000;

/// The source to record with a log's facts: the location, size and time by which an importer
/// recognises it and skips it unread, and the run that it reports.
///
/// `None` while the log may still grow: its name ends in `.inprogress` and its application has not
/// ended.
pub fn source_to_record(log: &FoundLog, snapshot: &LogSnapshot) -> Option<LogSource> {
    let is_final = !log.is_in_progress || snapshot.application.ended;
    is_final.then(|| log.source().with_run(snapshot.application.run()))
}

/// The logs that need not be read, by their [ids](FoundLog::id), and what they report: they have not changed since
/// they were imported, and the store has the run that they report.
///
/// A log whose run another one has replaced is not among them, so that it is read and reported again.
///
/// # Errors
/// The store's error.
pub async fn known_logs(store: &dyn Store, logs: &[FoundLog]) -> Result<BTreeMap<String, LogRun>> {
    let mut known = BTreeMap::new();
    for log in logs {
        let source = log.source();
        let recorded = store.log_source(&source.location).await?;
        let recorded = recorded.filter(|recorded| recorded.is_same_log(&source));
        if let Some(run) = recorded.and_then(|recorded| recorded.run) {
            known.insert(log.id().to_owned(), run);
        }
    }
    let stored = stored_runs(store, known.values().map(LogRun::key).collect()).await?;
    known.retain(|_, run| stored.contains(run));
    Ok(known)
}

/// The stored runs of some attempts.
async fn stored_runs(
    store: &dyn Store,
    mut wanted: BTreeSet<AttemptKey>,
) -> Result<BTreeSet<LogRun>> {
    let (mut runs, mut after) = (BTreeSet::new(), None);
    while !wanted.is_empty() {
        let page = store.applications(after.as_ref(), PAGE).await?;
        for application in &page {
            if wanted.remove(&application.key()) {
                runs.insert(application.run());
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.key()),
            _ => break,
        }
    }
    Ok(runs)
}
