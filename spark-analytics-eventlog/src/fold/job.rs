//! Jobs, while a log is read.
//!
//! The figures of a job are written when it ends, and again when the last running task of an already
//! completed stage attempt ends. Intermediate stage totals are never observable.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use spark_analytics_core::Timestamp;
use spark_analytics_core::log::LogJob;

use crate::fold::indices::Indices;
use crate::fold::text::{MAX_TEXT_BYTES, Texts, key};
use crate::wire::event::{JobEnd, JobProperties, JobStart, StageInfo};

/// The number of one run of a job: a `LiveJob` in Spark.
pub(crate) type Run = u64;

#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    next_run: Run,
    /// Runs that have not ended, or that a live stage attempt still counts towards.
    runs: HashMap<Run, LiveJob>,
    /// The last run of each job.
    latest: HashMap<i64, Run>,
    /// The running job runs that name a stage.
    by_stage: HashMap<i64, BTreeSet<Run>>,
    written: BTreeMap<i64, LogJob>,
    /// The words of the runs' indices.
    pub(crate) words: usize,
    /// The stages that running jobs named, and the bytes of the reasons for which their tasks were killed.
    pub(crate) named_stages: usize,
    pub(crate) reason_bytes: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct LiveJob {
    pub(crate) fact: LogJob,
    pub(crate) indices: Indices,
    pub(crate) completed_stages: BTreeSet<i64>,
    pub(crate) skipped_stages: BTreeSet<i64>,
    /// The earliest submission and the latest completion of its stage attempts.
    stage_times: (Option<Timestamp>, Option<Timestamp>),
    is_running: bool,
    /// Number of live stage attempts linked to it.
    links: usize,
}

impl LiveJob {
    pub(crate) fn skip_stage(&mut self, stage_id: i64, num_tasks: i64) {
        self.skipped_stages.insert(stage_id);
        self.fact.skipped_tasks = self.fact.skipped_tasks.wrapping_add(num_tasks);
    }

    /// Notes the times of a stage attempt that counts towards it.
    pub(crate) fn note_times(&mut self, stage: &StageInfo<'_>) {
        let (first, last) = &mut self.stage_times;
        if let Some(submitted) = stage.submission_time.and_then(time) {
            *first = Some(first.map_or(submitted, |first| first.min(submitted)));
        }
        *last = (*last).max(stage.completion_time.and_then(time));
    }

    fn written(&self) -> LogJob {
        let mut fact = self.fact.clone();
        // Spark up to 1.2 writes no times of jobs.
        fact.submission_time = fact.submission_time.or(self.stage_times.0);
        if fact.ended {
            fact.completion_time = fact.completion_time.or(self.stage_times.1);
        }
        fact.completed_stages = self.completed_stages.len() as i64;
        fact.skipped_stages = self.skipped_stages.len() as i64;
        fact
    }
}

impl Jobs {
    /// Starts a job. The caller links the run to its stage attempts.
    pub(crate) fn start(
        &mut self,
        event: &JobStart<'_>,
        stages: &[StageInfo<'_>],
        texts: &mut Texts,
    ) -> Run {
        let job_id = event.job_id;
        let (ended, events) = self.supersede(job_id);
        let missing = stages.iter().filter(|stage| stage.completion_time.is_none());
        let last = stages.iter().max_by_key(|stage| stage.id);
        let mut fact = LogJob::default();
        fact.job_id = job_id;
        fact.ended = ended;
        fact.events = events + 1;
        fact.submission_time = time(event.time);
        fact.name = texts.optional(last.map(|stage| &stage.name)).unwrap_or_default();
        fact.stage_ids = stages.iter().map(|stage| stage.id).collect();
        fact.num_tasks = missing.fold(0, |sum: i64, stage| sum.wrapping_add(stage.num_tasks));
        if let Some(properties) = &event.properties {
            put_properties(&mut fact, properties, texts);
        }
        let run = self.next_run;
        self.next_run += 1;
        for stage_id in distinct(&fact.stage_ids) {
            self.by_stage.entry(stage_id).or_default().insert(run);
        }
        self.named_stages += fact.stage_ids.len();
        self.runs.insert(run, LiveJob { fact, is_running: true, ..LiveJob::default() });
        self.latest.insert(job_id, run);
        run
    }

    /// The running run of a job, and its stages.
    pub(crate) fn running(&self, job_id: i64) -> Option<(Run, BTreeSet<i64>)> {
        let run = *self.latest.get(&job_id)?;
        let job = self.runs.get(&run).filter(|job| job.is_running)?;
        Some((run, distinct(&job.fact.stage_ids)))
    }

    /// Ends a run and writes its figures.
    pub(crate) fn end(&mut self, run: Run, event: &JobEnd<'_>, texts: &mut Texts) {
        self.stop(run);
        if let Some(job) = self.runs.get_mut(&run) {
            job.fact.ended = true;
            job.fact.events += 1;
            job.fact.completion_time = time(event.time);
            job.fact.job_result = key(&event.result.result.0).into_owned();
            let message = event.result.exception.as_ref().and_then(|e| e.message.as_ref());
            job.fact.failure_message = texts.optional(message);
        }
        self.write(run);
        self.drop_if_over(run);
    }

    /// Writes the figures of a run if it has ended. Those of a running one are written at the end of the log.
    pub(crate) fn write(&mut self, run: Run) {
        let Some(job) = self.runs.get(&run).filter(|job| !job.is_running) else { return };
        if self.latest.get(&job.fact.job_id) == Some(&run) {
            self.written.insert(job.fact.job_id, job.written());
        }
    }

    pub(crate) fn get(&mut self, run: Run) -> Option<&mut LiveJob> {
        self.runs.get_mut(&run)
    }

    /// The running job runs that name a stage.
    pub(crate) fn naming(&self, stage_id: i64) -> Vec<Run> {
        self.by_stage.get(&stage_id).into_iter().flatten().copied().collect()
    }

    /// Records that a live stage attempt counts towards a run.
    pub(crate) fn link(&mut self, run: Run) {
        if let Some(job) = self.runs.get_mut(&run) {
            job.links += 1;
        }
    }

    /// Records that a stage attempt no longer counts towards a run.
    pub(crate) fn unlink(&mut self, run: Run) {
        if let Some(job) = self.runs.get_mut(&run) {
            job.links = job.links.saturating_sub(1);
        }
        self.drop_if_over(run);
    }

    /// The current facts of all jobs.
    pub(crate) fn into_facts(self) -> Vec<LogJob> {
        let mut facts = self.written;
        for job in self.runs.values().filter(|job| job.is_running) {
            facts.insert(job.fact.job_id, job.written());
        }
        facts.into_values().collect()
    }

    pub(crate) fn facts_mut(&mut self) -> impl Iterator<Item = &mut LogJob> {
        self.runs.values_mut().map(|job| &mut job.fact).chain(self.written.values_mut())
    }

    /// Whether an earlier run of a job ended, and the number of its events. That run is never written again.
    fn supersede(&mut self, job_id: i64) -> (bool, u64) {
        let Some(run) = self.latest.get(&job_id).copied() else { return (false, 0) };
        let is_running = self.runs.get(&run).is_some_and(|job| job.is_running);
        let before = if is_running {
            self.runs.get(&run).map(|job| (job.fact.ended, job.fact.events))
        } else {
            self.written.get(&job_id).map(|fact| (fact.ended, fact.events))
        };
        self.stop(run);
        self.drop_if_over(run);
        before.unwrap_or_default()
    }

    fn stop(&mut self, run: Run) {
        let Some(job) = self.runs.get_mut(&run).filter(|job| job.is_running) else { return };
        job.is_running = false;
        self.named_stages -= job.fact.stage_ids.len();
        for stage_id in distinct(&job.fact.stage_ids) {
            if let Some(runs) = self.by_stage.get_mut(&stage_id) {
                runs.remove(&run);
                if runs.is_empty() {
                    self.by_stage.remove(&stage_id);
                }
            }
        }
    }

    fn drop_if_over(&mut self, run: Run) {
        if self.runs.get(&run).is_some_and(|job| !job.is_running && job.links == 0) {
            let over = self.runs.remove(&run);
            self.words -= over.map_or(0, |over| over.indices.words());
        }
    }

    /// How many there are: runs that are held, and jobs that were written.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.runs.len(), self.written.len())
    }
}

fn put_properties(fact: &mut LogJob, properties: &JobProperties<'_>, texts: &mut Texts) {
    fact.description = texts.optional(properties.description.as_ref());
    fact.job_group = texts.optional(properties.group.as_ref());
    fact.sql_execution_id = properties.sql_execution_id.as_ref().and_then(|t| t.0.parse().ok());
    fact.user = properties.user.as_ref().map(|user| texts.key(&user.0)).unwrap_or_default();
    let tags = properties.tags.as_ref().map(|tags| tags.0.as_ref()).unwrap_or_default();
    let tags: BTreeSet<&str> = tags.split(',').filter(|tag| !tag.is_empty()).collect();
    let mut room = MAX_TEXT_BYTES;
    let fitting = tags.into_iter().map(|tag| texts.text(tag)).map_while(|tag| {
        room = room.checked_sub(tag.len())?;
        Some(tag)
    });
    fact.job_tags = fitting.collect();
}

fn distinct(ids: &[i64]) -> BTreeSet<i64> {
    ids.iter().copied().collect()
}

/// Spark treats the time of a job as absent unless it is after the epoch.
fn time(millis: i64) -> Option<Timestamp> {
    (millis > 0).then(|| Timestamp::from_millis(millis))
}
