//! Keeping a store up to date with a folder of event logs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use spark_analytics_core::log::LogRun;
use spark_analytics_core::{Error, OtherRun, Store};
use spark_analytics_eventlog::{Discovered, Follower, FoundLog, LogError, LogFile, Polled};

use crate::batches::{Batch, ReadLog};
use crate::future::refuse_future;
use crate::progress::{LogState, Look, Report, Started, Update};
use crate::sources::{KnownLog, known_logs};

/// How to follow a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct FollowOptions {
    pub(crate) interval: Duration,
    pub(crate) remind_after: Duration,
    pub(crate) memory: usize,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            remind_after: Duration::from_secs(60),
            memory: 1 << 30,
        }
    }
}

impl FollowOptions {
    /// The time between two looks at the folder, 10 s by default. A look that takes longer is followed by a pause as
    /// long as itself, and listing a folder by one nine times as long, up to 1 minute.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The memory that is kept for all logs in progress, in bytes ([`Follower::memory`]), 1 GiB by default.
    pub const fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// After how long a folder that still cannot be read is reported again, 1 minute by default.
    pub const fn remind_after(mut self, time: Duration) -> Self {
        self.remind_after = time;
        self
    }
}

/// Stores, every interval, the new events in the logs of a folder and of the folders below it, and reports each log
/// whose state or number of jobs changed.
///
/// A log that has ended is skipped unread if the store recorded it with the same size and time. Facts
/// that the store fails to accept are sent again at the next look. A deleted log keeps its figures.
/// Dropping the future stops it; what was committed stays. It also ends when `report` fails, and returns that error.
pub async fn follow<E>(
    store: Arc<dyn Store>,
    folder: PathBuf,
    options: FollowOptions,
    mut report: impl FnMut(&Report<'_>) -> Result<(), E> + Send,
) -> E {
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let bytes = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&bytes);
    let follower = Follower::with_progress(folder.clone(), move |bytes| {
        read.fetch_add(bytes, Ordering::Relaxed);
    })
    .memory(options.memory);
    let mut following = Following {
        store,
        folder,
        options,
        follower: Arc::new(Mutex::new(follower)),
        listing: Duration::ZERO,
        bytes,
        known: None,
        is_one_by_one: false,
        has_refused: false,
        reported: BTreeMap::new(),
    };
    loop {
        let begun = Instant::now();
        if let Err(error) = following.look(&mut report).await {
            return error;
        }
        tokio::time::sleep(pause(options.interval, begun.elapsed(), following.listing)).await;
    }
}

/// The time until the next look. Where there are very many logs, listing them takes a tenth of the time, not more.
fn pause(interval: Duration, look: Duration, listing: Duration) -> Duration {
    let of_listing = (listing * 9).min(MAX_PAUSE_OF_LISTING);
    interval.max(look).max(of_listing).max(Duration::from_millis(10))
}

/// A slow file system does not keep logs waiting for longer than this, so that none seems forgotten.
const MAX_PAUSE_OF_LISTING: Duration = Duration::from_secs(60);

struct Following {
    store: Arc<dyn Store>,
    folder: PathBuf,
    options: FollowOptions,
    follower: Arc<Mutex<Follower>>,
    /// How long the last look took to list the folder.
    listing: Duration,
    /// Number of bytes read since the last look.
    bytes: Arc<AtomicU64>,
    /// The logs that the store had at the first look; `None` before it.
    known: Option<BTreeMap<String, KnownLog>>,
    /// Whether logs are stored one by one, since at the last look the store could not take one of them.
    is_one_by_one: bool,
    /// Whether that happened at this look.
    has_refused: bool,
    /// The last update of each log, by its id, and when it was reported.
    reported: BTreeMap<String, (Update, Instant)>,
}

impl Following {
    async fn look<E>(
        &mut self,
        report: &mut (impl FnMut(&Report<'_>) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        let begun = Instant::now();
        let Some(found) = self.blocking(Follower::poll).await else { return Ok(()) };
        self.listing = begun.elapsed();
        let mut look = Look {
            unreadable: self.why_unreadable(&found),
            is_complete: found.failed.is_empty(),
            failing: 0,
            lag: None,
            bytes: 0,
        };
        let is_first = self.known.is_none();
        if is_first && look.unreadable.is_none() {
            self.start(&found.logs, report).await?;
        }
        for folder in &found.failed {
            let update = Update::problem(&folder.name, LogState::Failed, &folder.reason);
            self.remind(&folder.name, update, report)?;
        }
        for file in &found.skipped {
            let update = Update::problem(&file.name, LogState::Skipped, &file.reason);
            self.report(&file.name, update, report)?;
        }
        self.forget_others(&found);
        let mut batch = Batch::default();
        for log in found.logs {
            let Some(file) = self.read(&log, report).await? else { continue };
            batch.push(log, Ok(file));
            if batch.is_full() || self.is_one_by_one {
                self.store(std::mem::take(&mut batch), &mut look, report).await?;
            }
        }
        self.store(batch, &mut look, report).await?;
        self.is_one_by_one = std::mem::take(&mut self.has_refused);
        // Logs that were there before have been waiting for the follower, not because of it.
        look.lag = look.lag.filter(|_| !is_first);
        look.bytes = self.bytes.swap(0, Ordering::Relaxed);
        let states = self.reported.values().map(|(update, _)| update.state);
        look.failing = states.filter(|state| *state == LogState::Failed).count();
        report(&Report::Look(&look))
    }

    /// Why the folder itself cannot be read.
    fn why_unreadable(&self, found: &Discovered) -> Option<String> {
        let is_folder = |name: &str| Path::new(name) == self.folder;
        let failed = found.failed.iter().find(|failed| is_folder(&failed.name));
        failed.map(|failed| failed.reason.clone())
    }

    /// Finds out which logs the store has already.
    async fn start<E>(
        &mut self,
        logs: &[FoundLog],
        report: &mut (impl FnMut(&Report<'_>) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        // A store that fails reports it when logs are stored, and is asked again at the next look.
        let Ok(known) = known_logs(&*self.store, logs).await else { return Ok(()) };
        let started = Started { folder: self.folder.clone(), logs: logs.len(), known: known.len() };
        self.known = Some(known);
        report(&Report::Started(&started))
    }

    /// Forgets logs that are no longer there.
    fn forget_others(&mut self, found: &Discovered) {
        let left_out = found.failed.iter().chain(&found.skipped).map(|left_out| &*left_out.name);
        let there: BTreeSet<&str> = left_out.chain(found.logs.iter().map(FoundLog::id)).collect();
        self.reported.retain(|id, _| there.contains(&**id));
    }

    /// Reads the new events of a log, if there are any.
    async fn read<E>(
        &mut self,
        log: &FoundLog,
        report: &mut (impl FnMut(&Report<'_>) -> Result<(), E> + Send),
    ) -> Result<Option<LogFile>, E> {
        if !self.lock().has_changes(log) {
            return Ok(None);
        }
        if self.is_known(log).await {
            self.lock().mark_ingested(log);
            return Ok(None);
        }
        let listed = log.clone();
        let Some(read) = self.blocking(move |follower| follower.read(&listed)).await else {
            return Ok(None);
        };
        // A log that was stored stays so when the clock steps back.
        let reported = self.reported.get(log.id());
        let is_stored = reported.is_some_and(|(update, _)| {
            matches!(update.state, LogState::Running | LogState::Ended | LogState::NoEnd)
        });
        let read = match read {
            Ok(Polled::Read(file)) if is_stored => Ok(Some(file)),
            Ok(Polled::Read(file)) => refuse_future(log, file, SystemTime::now()).map(Some),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        match read {
            Ok(file) => Ok(file),
            Err(error) => {
                if matches!(error, LogError::InFuture { .. }) {
                    // Until it has changed there is no use in trying again.
                    self.lock().mark_ingested(log);
                }
                let state = if error.is_failure() { LogState::Failed } else { LogState::Skipped };
                let update = Update::problem(&log.name, state, &error.to_string());
                self.report(log.id(), update, report)?;
                Ok(None)
            }
        }
    }

    /// Whether the store has a log, unchanged, that this has not read yet.
    async fn is_known(&mut self, log: &FoundLog) -> bool {
        if self.reported.contains_key(log.id()) {
            return false;
        }
        let is_of_start = self.known.as_mut().and_then(|known| known.remove(log.id())).is_some();
        // A store that fails reports it when the log is stored.
        is_of_start
            || known_logs(&*self.store, std::slice::from_ref(log))
                .await
                .is_ok_and(|known| !known.is_empty())
    }

    /// Stores the logs of a batch.
    async fn store<E>(
        &mut self,
        batch: Batch,
        look: &mut Look,
        report: &mut (impl FnMut(&Report<'_>) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        if batch.is_empty() {
            return Ok(());
        }
        let stored = |read: &ReadLog| {
            let file = read.result.as_ref().ok()?;
            Some((read.log.clone(), Update::of(&read.log, file), file.snapshot.application.run()))
        };
        let logs: Vec<(FoundLog, Update, LogRun)> =
            batch.logs().iter().filter_map(stored).collect();
        let receipts = match batch.store(&*self.store).await {
            Ok(receipts) => receipts,
            Err(error) => {
                look.is_complete = false;
                // The facts of all are read again at the next look.
                self.has_refused |= error.is_of_one_part();
                // Until it has changed there is no use in trying again.
                let is_refused = logs.len() == 1 && matches!(error, Error::Refused { .. });
                for (log, ..) in &logs {
                    if is_refused {
                        self.lock().mark_ingested(log);
                    }
                    let again = if is_refused { "" } else { ", trying again" };
                    let why = format!("cannot store {}{again}: {error}", log.name);
                    let update = Update::problem(&log.name, LogState::Failed, &why);
                    self.report(log.id(), update, report)?;
                }
                return Ok(());
            }
        };
        for ((log, mut update, run), receipt) in logs.into_iter().zip(receipts) {
            self.lock().mark_ingested(&log);
            look.note_lag(&log);
            update.add(&receipt);
            self.report(log.id(), update, report)?;
            if matches!(receipt.other_run, Some(OtherRun::Removed { .. })) {
                self.report_replaced(log.id(), &run, report)?;
            }
        }
        Ok(())
    }

    /// Reports the logs whose run was replaced by that of another log.
    fn report_replaced<E>(
        &mut self,
        by: &str,
        run: &LogRun,
        report: &mut (impl FnMut(&Report<'_>) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        let is_replaced = |(id, (update, _)): &(&String, &(Update, Instant))| {
            let is_stored =
                matches!(update.state, LogState::Running | LogState::Ended | LogState::NoEnd);
            is_stored
                && id.as_str() != by
                && (&update.app_id, &update.attempt_id) == (&run.app_id, &run.attempt_id)
        };
        let replaced: Vec<(String, Update)> = self
            .reported
            .iter()
            .filter(is_replaced)
            .map(|(id, (update, _))| (id.clone(), update.clone()))
            .collect();
        for (id, mut update) in replaced {
            update.replace(OtherRun::Kept { started: run.start_time });
            self.report(&id, update, report)?;
        }
        Ok(())
    }

    /// Reports an update, unless it is the last one of its log.
    fn report<E>(
        &mut self,
        id: &str,
        update: Update,
        report: &mut (impl FnMut(&Report<'_>) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        // A log that was only renamed has not changed.
        let is_same = |last: &Update| Update { log: update.log.clone(), ..last.clone() } == update;
        if !self.reported.get(id).is_some_and(|(last, _)| is_same(last)) {
            report(&Report::Log(&update))?;
            self.reported.insert(id.to_owned(), (update, Instant::now()));
        }
        Ok(())
    }

    /// Reports a problem, and again as long as it lasts.
    fn remind<E>(
        &mut self,
        id: &str,
        update: Update,
        report: &mut (impl FnMut(&Report<'_>) -> Result<(), E> + Send),
    ) -> Result<(), E> {
        let is_due = |(_, at): &(Update, Instant)| at.elapsed() >= self.options.remind_after;
        if self.reported.get(id).is_some_and(is_due) {
            self.reported.remove(id);
        }
        self.report(id, update, report)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listing_a_folder_takes_a_tenth_of_the_time_at_most() {
        let seconds = Duration::from_secs;
        assert_eq!(pause(seconds(10), seconds(1), seconds(1)), seconds(10));
        assert_eq!(pause(seconds(1), seconds(1), seconds(1)), seconds(9));
        assert_eq!(pause(seconds(1), seconds(300), seconds(1)), seconds(300));
        assert_eq!(pause(seconds(1), seconds(30), seconds(30)), seconds(60));
        assert_eq!(
            pause(Duration::ZERO, Duration::ZERO, Duration::ZERO),
            Duration::from_millis(10)
        );
    }
}
