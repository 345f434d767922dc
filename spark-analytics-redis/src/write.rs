//! How a write invalidates the entries that it changes, and no others.
//!
//! *Before* it writes to the store, a writer deletes the entries of its jobs and of the days on which they may end, and
//! marks them. A marked entry cannot be filled until the write has settled or the mark has expired. *After* the store has
//! committed, the writer deletes the entries again and removes its marks. A reader may fill an entry only if the entry
//! still has the token that the reader received when it missed the entry. Deleting an entry deletes its token, and tokens
//! are never reused; so a reader that read the store before the write had settled cannot fill the entry.
//!
//! Which days? The day on which the job ends before the write, and the days that the write itself reports: after the
//! write, the job ends on one of these ([`days_of`]). But another writer may move the job to another day after this
//! writer has looked it up and before it commits. All writers of a job therefore share a *note* in Redis: a list of
//! days, to which each of them adds before it commits, and which exists as long as one of them is running. Every day on
//! which the job has ended since this writer looked it up is in the note: either this writer saw the job on that day, or
//! the writer that moved it there had added the day before it committed. So after the commit, the note contains both the
//! day that the job left and the day to which it moved. If the note was lost in the meantime, for example to eviction,
//! all entries are invalidated.
//!
//! A log may also change jobs that it does not contain: those of an earlier run of its application. The writer looks them
//! up beforehand. If two writers ingest logs of one application at the same time, each of them may miss jobs of the
//! other, so all entries are invalidated.

use std::collections::BTreeSet;
use std::future::Future;

use futures_util::future::try_join_all;
use spark_analytics_core::{AttemptKey, Day, Facts, JobKey, KeyRange, Result, Store};

use crate::RedisCached;
use crate::link::{Distrust, Purpose};
use crate::touched::{Touched, add_log, app_name, days_of, job_name, list};

/// The lifetime of a mark in ms: how long a write that never settles prevents its entries from being filled.
const MARK_MS: &[u8] = b"10000";
/// How long a write of logs that never settles counts as running, in ms.
const LOG_MARK_MS: &[u8] = b"60000";
/// Jobs per call. Redis does nothing else during a call.
const JOBS_PER_CALL: usize = 256;
/// Jobs read from the store at the same time.
const PARALLEL_READS: usize = 16;

/// A running write that has been announced in Redis.
#[derive(Debug)]
struct Announced {
    writer: String,
    epoch: Vec<u8>,
    jobs: Vec<Job>,
    apps: Vec<String>,
    /// Whether no other writer was ingesting logs of the same applications.
    is_alone: bool,
}

#[derive(Debug)]
struct Job {
    name: String,
    /// The id of the job's note.
    note: Vec<u8>,
}

impl<S: Store> RedisCached<S> {
    /// Writes to the store. When it returns, this adapter no longer reads from Redis anything that the write changed.
    pub(crate) async fn write<T>(
        &self,
        touched: Touched,
        apps: BTreeSet<AttemptKey>,
        write: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let announced = self.announce(touched, apps).await;
        // A write that fails or is dropped may have been committed, or may be committed later. If it was announced,
        // its marks cover that; if not, all entries are invalidated.
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
                let mut rest = Some(Facts::Jobs(KeyRange::all()));
                while let Some(facts) = rest {
                    let held = self.store.facts(app, &facts, JOBS_PER_CALL).await.ok()?;
                    rest = held.as_ref().and_then(|page| facts.rest(page, JOBS_PER_CALL));
                    if let Some(held) = held {
                        add_log(&mut touched, &held);
                    }
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

    /// Marks jobs and their days, and adds the days to the jobs' notes.
    async fn begin(
        &self,
        announced: &mut Announced,
        jobs: &[(JobKey, BTreeSet<Day>)],
    ) -> Option<()> {
        let life = self.life_ms.as_bytes();
        let names: Vec<String> = jobs.iter().map(|(key, _)| job_name(key)).collect();
        let reported: Vec<String> = jobs.iter().map(|(_, days)| list(days)).collect();
        let mut args = vec![announced.writer.as_bytes(), MARK_MS, life];
        args.extend(
            names.iter().zip(&reported).flat_map(|(name, days)| [name.as_bytes(), days.as_bytes()]),
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

    /// The days on which jobs may end according to the store and the write.
    async fn look_up_days(
        &self,
        jobs: &[(JobKey, BTreeSet<Day>)],
        unknown: &[usize],
    ) -> Option<Vec<String>> {
        let mut lists = Vec::with_capacity(unknown.len());
        for some in unknown.chunks(PARALLEL_READS) {
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

    /// Invalidates the entries that the write changed and removes its marks. Returns `false` if that is not certain.
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
