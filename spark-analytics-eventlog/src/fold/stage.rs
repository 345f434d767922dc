//! Stage attempts, while a log is read.

use std::collections::{BTreeMap, BTreeSet};

use spark_analytics_core::Timestamp;
use spark_analytics_core::log::{Speculation, Stage, StageStatus};

use crate::fold::indices::Indices;
use crate::fold::job::Run;
use crate::fold::share::Share;
use crate::fold::text::Texts;
use crate::wire::event::{JobProperties, StageInfo};
use crate::wire::lenient::StageKey;
use crate::wire::metrics::{Peaks, Sums};

const DEFAULT_POOL: &str = "default";

#[derive(Clone, Debug, Default)]
pub(crate) struct Stages {
    /// Attempts that later events may change: `liveStages` in Spark.
    live: BTreeMap<StageKey, LiveStage>,
    /// The submission times of the live attempts, the epoch for attempts that were not submitted.
    submissions: BTreeSet<(Timestamp, StageKey)>,
    /// Attempts that are final, unless a job names them again.
    written: BTreeMap<StageKey, Stage>,
    /// The words of the live attempts' indices.
    pub(crate) words: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct LiveStage {
    pub(crate) fact: Stage,
    /// Its submission time among those of all live attempts.
    noted_submission: Timestamp,
    /// The job runs whose figures include its tasks.
    pub(crate) jobs: Vec<Run>,
    /// Tasks that these do not include yet.
    pub(crate) share: Share,
    pub(crate) indices: Indices,
    pub(crate) sums: Sums,
    pub(crate) peaks: Peaks,
}

impl LiveStage {
    fn set_info(&mut self, info: &StageInfo<'_>, texts: &mut Texts) {
        texts.release(self.fact.failure_reason.iter().chain([&self.fact.name]));
        self.fact.name = texts.text(&info.name.0);
        self.fact.num_tasks = info.num_tasks;
        self.fact.submission_time = info.submission_time.map(Timestamp::from_millis);
        self.fact.completion_time = info.completion_time.map(Timestamp::from_millis);
        self.fact.failure_reason = texts.optional(info.failure_reason.as_ref());
        self.fact.resource_profile_id = info.resource_profile_id;
        self.fact.shuffle_push_enabled = info.shuffle_push_enabled;
        self.fact.shuffle_mergers_count = info.shuffle_mergers_count;
    }

    pub(crate) fn submit(&mut self, properties: Option<&JobProperties<'_>>, texts: &mut Texts) {
        let pool = properties.and_then(|p| p.pool.as_ref());
        let description = properties.and_then(|p| p.description.as_ref());
        texts.release(self.fact.description.iter().chain([&self.fact.scheduling_pool]));
        self.fact.status = StageStatus::Active;
        self.fact.scheduling_pool = texts.optional(pool).unwrap_or_else(|| DEFAULT_POOL.to_owned());
        self.fact.description = texts.optional(description);
    }

    fn note_submission(&mut self, key: StageKey, all: &mut BTreeSet<(Timestamp, StageKey)>) {
        let time = self.fact.submission_time.unwrap_or_default();
        if time != self.noted_submission {
            all.remove(&(self.noted_submission, key));
            all.insert((time, key));
            self.noted_submission = time;
        }
    }

    /// Sets a status that a stage attempt ends in.
    pub(crate) fn end(&mut self, status: StageStatus) {
        self.fact.status = status;
        self.fact.ended = true;
    }

    pub(crate) fn launch(&mut self, at_millis: i64) {
        let launched = Timestamp::from_millis(at_millis);
        let first =
            self.fact.first_task_launched_time.map_or(launched, |first| first.min(launched));
        self.fact.first_task_launched_time = Some(first);
    }

    /// Whether it has completed.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.fact.status, StageStatus::Complete | StageStatus::Failed)
    }

    /// Whether it has completed and its last task has ended.
    pub(crate) const fn is_drained(&self) -> bool {
        self.fact.active_tasks == 0 && self.is_over()
    }

    fn into_fact(self) -> Stage {
        let mut fact = self.fact;
        fact.metrics = self.sums.named();
        fact.peak_executor_metrics = self.peaks.named();
        fact
    }
}

impl Stages {
    pub(crate) fn get(&mut self, key: StageKey) -> Option<&mut LiveStage> {
        self.live.get_mut(&key)
    }

    /// The live attempt of an event, created if necessary, updated with the data of the event.
    pub(crate) fn get_or_create(
        &mut self,
        info: &StageInfo<'_>,
        texts: &mut Texts,
    ) -> &mut LiveStage {
        let key = (info.id, info.attempt);
        let (written, submissions) = (&self.written, &mut self.submissions);
        let stage = self.live.entry(key).or_insert_with(|| {
            let (ended, events) =
                written.get(&key).map(|f| (f.ended, f.events)).unwrap_or_default();
            let mut fact = Stage::default();
            (fact.stage_id, fact.stage_attempt_id) = key;
            (fact.ended, fact.events) = (ended, events);
            fact.scheduling_pool = DEFAULT_POOL.to_owned();
            fact.speculation = Some(Speculation::default());
            let noted_submission = Timestamp::default();
            submissions.insert((noted_submission, key));
            LiveStage {
                fact,
                noted_submission,
                jobs: Vec::new(),
                share: Share::default(),
                indices: Indices::default(),
                sums: Sums::default(),
                peaks: Peaks::UNREPORTED,
            }
        });
        stage.set_info(info, texts);
        stage.fact.events += 1;
        stage.note_submission(key, submissions);
        stage
    }

    /// Updates a live attempt with the data of an event.
    pub(crate) fn set_info(&mut self, info: &StageInfo<'_>, texts: &mut Texts) {
        let key = (info.id, info.attempt);
        if let Some(stage) = self.live.get_mut(&key) {
            stage.set_info(info, texts);
            stage.note_submission(key, &mut self.submissions);
        }
    }

    pub(crate) fn facts_mut(&mut self) -> impl Iterator<Item = &mut Stage> {
        self.live.values_mut().map(|stage| &mut stage.fact).chain(self.written.values_mut())
    }

    /// Finishes an attempt and returns the job runs that counted its tasks.
    pub(crate) fn leave(&mut self, key: StageKey) -> Vec<Run> {
        let Some(mut stage) = self.live.remove(&key) else { return Vec::new() };
        self.submissions.remove(&(stage.noted_submission, key));
        self.words -= stage.indices.words();
        let jobs = std::mem::take(&mut stage.jobs);
        self.written.insert(key, stage.into_fact());
        jobs
    }

    /// The live attempts of a stage that have not been submitted.
    pub(crate) fn pending(&self, stage_id: i64) -> Vec<StageKey> {
        let attempts = self.live.range((stage_id, i64::MIN)..=(stage_id, i64::MAX));
        let pending = attempts.filter(|(_, stage)| stage.fact.status == StageStatus::Pending);
        pending.map(|(key, _)| *key).collect()
    }

    /// The earliest submission time of a live attempt, with the epoch for attempts that were not submitted.
    pub(crate) fn earliest_submission(&self) -> Option<Timestamp> {
        self.submissions.first().map(|(time, _)| *time)
    }

    /// How many attempts are live, and how many are final.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.live.len(), self.written.len())
    }

    /// All attempts, without metrics and peaks.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &Stage> {
        let written = self.written.iter().filter(|(key, _)| !self.live.contains_key(key));
        let live = self.live.values().map(|stage| &stage.fact);
        written.map(|(_, fact)| fact).chain(live)
    }

    /// The current facts of all attempts.
    pub(crate) fn into_facts(self) -> Vec<Stage> {
        let mut facts = self.written;
        facts.extend(self.live.into_iter().map(|(key, stage)| (key, stage.into_fact())));
        facts.into_values().collect()
    }
}
