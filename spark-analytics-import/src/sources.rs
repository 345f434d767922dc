//! Which logs need not be read again.

use std::collections::{BTreeMap, BTreeSet};

use spark_analytics_core::log::{Application, LogRun, LogSnapshot, LogSource};
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

/// A log that has not changed since it was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownLog {
    /// What it reports.
    pub run: LogRun,
    /// Whether the store has all of that run; else it was pruned or forgotten.
    pub is_stored: bool,
}

/// The logs that have not changed since they were imported, by their [ids](FoundLog::id).
///
/// A log whose run another one has replaced is not among them, so that it is read and reported again.
///
/// # Errors
/// The store's error.
pub async fn known_logs(
    store: &dyn Store,
    logs: &[FoundLog],
) -> Result<BTreeMap<String, KnownLog>> {
    let mut known = BTreeMap::new();
    for log in logs {
        let source = log.source();
        let recorded = store.log_source(&source.location).await?;
        let recorded = recorded.filter(|recorded| recorded.is_same_log(&source));
        if let Some(run) = recorded.and_then(|recorded| recorded.run) {
            known.insert(log.id().to_owned(), KnownLog { run, is_stored: false });
        }
    }
    let keys = known.values().map(|log| log.run.key()).collect();
    let stored = stored_applications(store, keys).await?;
    known.retain(|_, log| match stored.get(&log.run.key()) {
        Some(application) => {
            log.is_stored = !application.facts_pruned;
            application.run() == log.run
        }
        None => true,
    });
    Ok(known)
}

/// The stored applications among some attempts.
async fn stored_applications(
    store: &dyn Store,
    mut wanted: BTreeSet<AttemptKey>,
) -> Result<BTreeMap<AttemptKey, Application>> {
    let (mut stored, mut after) = (BTreeMap::new(), None);
    while !wanted.is_empty() {
        let page = store.applications(after.as_ref(), PAGE).await?;
        after = page.last().filter(|_| page.len() == PAGE).map(Application::key);
        for application in page {
            let key = application.key();
            if wanted.remove(&key) {
                stored.insert(key, application);
            }
        }
        if after.is_none() {
            break;
        }
    }
    Ok(stored)
}
