//! Keeping a store up to date with a folder of event logs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use spark_analytics_core::Store;
use spark_analytics_eventlog::{Follower, FoundLog, LogFile, Polled};

use crate::batches::Batch;
use crate::progress::{LogState, Update, plural};

/// Stores, every interval, the new events in the logs of a folder, and reports each log whose state
/// or number of jobs changed.
///
/// A log that has ended is skipped unread if the store recorded it with the same size and time. Facts
/// that the store fails to accept are sent again at the next poll. A deleted log keeps its figures.
/// Dropping the future stops it; what was committed stays. It also ends when `report` fails, and returns
/// that error.
pub async fn follow<E>(
    store: Arc<dyn Store>,
    folder: PathBuf,
    interval: Duration,
    mut report: impl FnMut(&Update) -> Result<(), E> + Send,
) -> E {
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let mut following = Following {
        store,
        follower: Arc::new(Mutex::new(Follower::new(folder))),
        reported: BTreeMap::new(),
    };
    loop {
        if let Err(error) = following.poll(&mut report).await {
            return error;
        }
        tokio::time::sleep(interval.max(Duration::from_millis(10))).await;
    }
}

struct Following {
    store: Arc<dyn Store>,
    follower: Arc<Mutex<Follower>>,
    /// The last update of each log, by its id.
    reported: BTreeMap<String, Update>,
}

impl Following {
    async fn poll<E>(
        &mut self,
        report: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        let Some(found) = self.blocking(Follower::poll).await else { return Ok(()) };
        for (state, left_out) in
            [(LogState::Failed, &found.failed), (LogState::Skipped, &found.skipped)]
        {
            for left_out in left_out {
                self.report(
                    &left_out.name,
                    Update::problem(&left_out.name, state, &left_out.reason),
                    report,
                )?;
            }
        }
        let left_out = found.failed.iter().chain(&found.skipped).map(|left_out| &*left_out.name);
        let there: BTreeSet<&str> = left_out.chain(found.logs.iter().map(FoundLog::id)).collect();
        self.reported.retain(|id, _| there.contains(&**id));
        let (mut batch, mut updates) = (Batch::default(), Vec::new());
        for log in found.logs {
            let Some((file, update)) = self.read(&log, report).await? else { continue };
            batch.push(log, Ok(file));
            updates.push(update);
            if batch.is_full() {
                self.store(std::mem::take(&mut batch), std::mem::take(&mut updates), report)
                    .await?;
            }
        }
        self.store(batch, updates, report).await
    }

    /// Reads the new events of a log, if there are any.
    async fn read<E>(
        &mut self,
        log: &FoundLog,
        report: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<Option<(LogFile, Update)>, E> {
        let is_known = self.reported.contains_key(log.id());
        if !self.lock().has_changes(log) {
            return Ok(None);
        }
        if !is_known && self.is_recorded(log).await {
            self.lock().mark_ingested(log);
            return Ok(None);
        }
        let listed = log.clone();
        let Some(read) = self.blocking(move |follower| follower.read(&listed)).await else {
            return Ok(None);
        };
        match read {
            Ok(Polled::Read(file)) => {
                let application = &file.snapshot.application;
                let is_running = log.is_in_progress && !application.ended;
                let warnings = file.warnings.len() as u64 + file.warnings_left_out;
                let update = Update {
                    log: log.name.clone(),
                    app_id: application.app_id.clone(),
                    attempt_id: application.attempt_id.clone(),
                    state: if is_running { LogState::Running } else { LogState::Ended },
                    jobs: file.snapshot.jobs.len(),
                    detail: (warnings > 0)
                        .then(|| format!("{warnings} {}", plural(warnings, "warning"))),
                };
                Ok(Some((file, update)))
            }
            Ok(_) => Ok(None),
            Err(error) => {
                let state = if error.is_failure() { LogState::Failed } else { LogState::Skipped };
                let update = Update::problem(&log.name, state, &error.to_string());
                self.report(log.id(), update, report)?;
                Ok(None)
            }
        }
    }

    async fn store<E>(
        &mut self,
        batch: Batch,
        updates: Vec<Update>,
        report: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        if batch.is_empty() {
            return Ok(());
        }
        let logs: Vec<FoundLog> = batch.logs().iter().map(|read| read.log.clone()).collect();
        let stored = batch.store(&*self.store).await;
        for (at, (log, mut update)) in logs.iter().zip(updates).enumerate() {
            match &stored {
                Ok(receipts) => {
                    if let Some(refused) = receipts.get(at).and_then(|receipt| receipt.refused) {
                        update.state = LogState::Skipped;
                        update.detail = Some(refused.to_string());
                    }
                    self.lock().mark_ingested(log);
                    self.report(log.id(), update, report)?;
                }
                Err(error) => {
                    let why = format!("cannot store {}, trying again: {error}", log.name);
                    let update = Update::problem(&log.name, LogState::Failed, &why);
                    self.report(log.id(), update, report)?;
                }
            }
        }
        Ok(())
    }

    async fn is_recorded(&self, log: &FoundLog) -> bool {
        let source = log.source();
        // A store that fails reports it when the log is stored.
        self.store.log_source(&source.location).await.is_ok_and(|recorded| recorded == Some(source))
    }

    fn report<E>(
        &mut self,
        id: &str,
        update: Update,
        report: &mut (impl FnMut(&Update) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        // A log that was only renamed has not changed.
        let is_same = |last: &Update| Update { log: update.log.clone(), ..last.clone() } == update;
        if !self.reported.get(id).is_some_and(is_same) {
            report(&update)?;
            self.reported.insert(id.to_owned(), update);
        }
        Ok(())
    }

    /// Runs on a thread that may block; `None` if that panicked.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Follower) -> T + Send + 'static,
    ) -> Option<T> {
        let follower = Arc::clone(&self.follower);
        let work = move || work(&mut follower.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn lock(&self) -> MutexGuard<'_, Follower> {
        self.follower.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
