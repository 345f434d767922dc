//! How a write makes stale what it changes, and nothing else.
//!
//! *Before* the store is written, the entries of the jobs and of the days on which they may end are deleted
//! and marked, so that none can be filled until the write has settled, or the mark's life is over. *After* it
//! they are deleted again and the marks go. A reader fills an entry only if it still has the token
//! that it had when the reader missed it. Tokens go with their entry and are never used twice, so
//! a reader that read the store before the write had settled fills nothing.
//!
//! Which days? Those where the job is before the write, and those that the write itself tells: a job's
//! end is never on another ([`days_of`]). But another writer may move the job between this one's look and its
//! commit. So the days go into a note of the job in Redis, which all its writers add to before they commit,
//! and which lasts while any of them is under way: a day on which the job was at any moment since
//! this writer's look is either one that it saw, or one told by a writer who committed since, and who noted it
//! before. The note as it is after the commit therefore has the day that the job left and the day that it
//! came to. A note that was lost meanwhile, to eviction say, is not trusted: all entries go then.
//!
//! A log may change jobs that it does not tell of: those of an earlier run. They are looked up before; were
//! two writers to take logs of one application at once, each might miss jobs of the other's, so all
//! entries go then.

use std::collections::BTreeSet;
use std::future::Future;

use futures_util::future::try_join_all;
use spark_analytics_core::{AttemptKey, Day, JobKey, Result, Store};

use crate::RedisCached;
use crate::link::{Distrust, Purpose};
use crate::touched::{Touched, add_log, app_name, days_of, job_name, list};

/// How long a write that never settles keeps its entries from being filled, in ms.
const MARK_MS: &[u8] = b"10000";
/// How long a write of logs that never settles is taken to be under way, in ms.
const LOG_MARK_MS: &[u8] = b"60000";
/// Jobs in one call; Redis does nothing else meanwhile.
const JOBS_PER_CALL: usize = 256;
/// Jobs read from the store at once.
const READS_AT_ONCE: usize = 16;

/// A write that Redis knows to be under way.
#[derive(Debug)]
struct Announced {
    writer: String,
    epoch: Vec<u8>,
    jobs: Vec<Job>,
    apps: Vec<String>,
    /// Whether no other writer had logs of the applications in hand.
    is_alone: bool,
}

#[derive(Debug)]
struct Job {
    name: String,
    /// The id of its note.
    note: Vec<u8>,
}

impl<S: Store> RedisCached<S> {
    /// Writes the store; when it returns, nothing that the write changed can be read from Redis through
    /// this adapter.
    pub(crate) async fn write<T>(
        &self,
        touched: Touched,
        apps: BTreeSet<AttemptKey>,
        write: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let announced = self.announce(touched, apps).await;
        // A write that fails, or is dropped, may have been committed, or may yet be. If it is announced,
        // the marks outlast it; if not, all entries go.
        let distrust = Distrust::new(&self.link, announced.is_none());
        let written = write.await?;
        let is_settled = match announced {
            Some(announced) => self.settle(&announced).await,
            None => false,
        };
        if !is_settled {
            self.link.flush().await;
        }
        distrust.disarm();
        Ok(written)
    }

    /// Writes the store where any entry may become stale. All entries are removed after it.
    pub(crate) async fn write_all<T>(&self, write: impl Future<Output = Result<T>>) -> Result<T> {
        // A write that fails, or is dropped, may have been committed.
        let distrust = Distrust::new(&self.link, true);
        let written = write.await?;
        self.link.flush().await;
        distrust.disarm();
        Ok(written)
    }

    async fn announce(
        &self,
        mut touched: Touched,
        apps: BTreeSet<AttemptKey>,
    ) -> Option<Announced> {
        let writer = self.link.nonce();
        let app_names: Vec<String> =
            apps.iter().map(|app| app_name(&app.app_id, &app.attempt_id)).collect();
        let mut is_alone = true;
        if !apps.is_empty() {
            let mut args = vec![writer.as_bytes(), LOG_MARK_MS];
            args.extend(app_names.iter().map(String::as_bytes));
            is_alone = self.link.call(Purpose::Write, &self.scripts.begin_logs, &args).await?;
            for app in &apps {
                if let Some(held) = self.store.log(app).await.ok()? {
                    add_log(&mut touched, &held);
                }
            }
        }

        let mut announced =
            Announced { writer, epoch: Vec::new(), jobs: Vec::new(), apps: app_names, is_alone };
        let touched: Vec<_> = touched.into_iter().collect();
        for some in touched.chunks(JOBS_PER_CALL) {
            self.begin(&mut announced, some).await?;
        }
        Some(announced)
    }

    /// Marks jobs and their days.
    async fn begin(
        &self,
        announced: &mut Announced,
        jobs: &[(JobKey, BTreeSet<Day>)],
    ) -> Option<()> {
        let life = self.life_ms.as_bytes();
        let names: Vec<String> = jobs.iter().map(|(key, _)| job_name(key)).collect();
        let told: Vec<String> = jobs.iter().map(|(_, days)| list(days)).collect();
        let mut args = vec![announced.writer.as_bytes(), MARK_MS, life];
        args.extend(
            names.iter().zip(&told).flat_map(|(name, days)| [name.as_bytes(), days.as_bytes()]),
        );
        let answer: Vec<Vec<u8>> =
            self.link.call(Purpose::Write, &self.scripts.begin, &args).await?;
        let (epoch, notes) = answer.split_first()?;
        if announced.epoch.is_empty() {
            announced.epoch.clone_from(epoch);
        }
        if announced.epoch != *epoch || notes.len() != jobs.len() {
            return None;
        }

        let mut notes = notes.to_vec();
        let unknown: Vec<usize> = (0..notes.len()).filter(|at| notes[*at].is_empty()).collect();
        if !unknown.is_empty() {
            let days = self.look_up_days(jobs, &unknown).await?;
            let mut args = vec![announced.writer.as_bytes(), MARK_MS, life, epoch];
            args.extend(
                unknown
                    .iter()
                    .zip(&days)
                    .flat_map(|(at, days)| [names[*at].as_bytes(), days.as_bytes()]),
            );
            let learned: Vec<Vec<u8>> =
                self.link.call(Purpose::Write, &self.scripts.learn, &args).await?;
            if learned.len() != unknown.len() {
                return None;
            }
            for (at, note) in unknown.into_iter().zip(learned) {
                notes[at] = note;
            }
        }
        announced.jobs.extend(names.into_iter().zip(notes).map(|(name, note)| Job { name, note }));
        Some(())
    }

    /// The days on which jobs may end, as the store and the write tell.
    async fn look_up_days(
        &self,
        jobs: &[(JobKey, BTreeSet<Day>)],
        unknown: &[usize],
    ) -> Option<Vec<String>> {
        let mut lists = Vec::with_capacity(unknown.len());
        for some in unknown.chunks(READS_AT_ONCE) {
            let reads = some.iter().map(|at| self.store.job(&jobs[*at].0));
            let records = try_join_all(reads).await.ok()?;
            for (at, record) in some.iter().zip(records) {
                let mut days = jobs[*at].1.clone();
                days.extend(record.iter().flat_map(days_of));
                lists.push(list(&days));
            }
        }
        Some(lists)
    }

    /// Makes stale what the write changed and takes its marks away. `false` if that is not certain.
    async fn settle(&self, announced: &Announced) -> bool {
        if !announced.is_alone {
            return false;
        }
        let writer = announced.writer.as_bytes();
        for some in announced.jobs.chunks(JOBS_PER_CALL) {
            let mut args = vec![writer, &announced.epoch];
            args.extend(some.iter().flat_map(|job| [job.name.as_bytes(), &job.note]));
            if self.link.call(Purpose::Write, &self.scripts.settle, &args).await != Some(true) {
                return false;
            }
        }
        if announced.apps.is_empty() {
            return true;
        }
        let mut args = vec![writer];
        args.extend(announced.apps.iter().map(String::as_bytes));
        self.link.call(Purpose::Write, &self.scripts.settle_logs, &args).await == Some(true)
    }
}
