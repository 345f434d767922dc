//! What the facts of a log take, and what they cost to make.

use crate::fold::Fold;
use crate::fold::indices::WORD_BYTES;

/// Estimates of what a fact takes without its texts, with its place in tables and what is needed while it may change.
const LIVE_STAGE_BYTES: usize = 3 * 1024;
const STAGE_BYTES: usize = 3 * 1024;
const JOB_BYTES: usize = 2 * 1024 + 512;
const EXECUTOR_BYTES: usize = 2 * 1024;
const SQL_BYTES: usize = 512;
/// A stage that a job names, in the job and in the table of jobs by stage.
const NAMED_STAGE_BYTES: usize = 64;

/// Steps that any log may take, and the bytes of its content for which it may take one more: a step takes less than half
/// a microsecond, so that 10 MB take less than 2 s.
const MIN_STEPS: u64 = if cfg!(test) { 10_000 } else { 500_000 };
const BYTES_OF_A_STEP: u64 = 4;

/// What was done for a log, and how much may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    /// Steps for jobs and executors that an event concerned beside its own.
    steps: u64,
    /// What was read of the log.
    content_bytes: u64,
}

impl Work {
    /// Notes how many bytes of the log's content were read.
    pub(crate) const fn note_content(&mut self, bytes: u64) {
        self.content_bytes += bytes;
    }

    /// Counts steps. Returns whether they may be taken; if not, the log is refused.
    pub(crate) const fn may_take(&mut self, steps: usize) -> bool {
        self.steps = self.steps.saturating_add(steps as u64);
        !self.is_too_much()
    }

    /// Whether the events cost far more than their number: each event of a stage concerns all jobs that name it, and
    /// that of a host all its executors.
    pub(crate) const fn is_too_much(&self) -> bool {
        self.steps > MIN_STEPS + self.content_bytes / BYTES_OF_A_STEP
    }
}

impl Fold {
    /// An estimate of the memory that the facts take.
    pub(crate) fn bytes(&self) -> usize {
        let (live_stages, stages) = self.stages.count();
        let (runs, jobs) = self.jobs.count();
        live_stages * LIVE_STAGE_BYTES
            + stages * STAGE_BYTES
            + (runs + jobs) * JOB_BYTES
            + self.jobs.named_stages * NAMED_STAGE_BYTES
            + self.jobs.reason_bytes
            + self.executors.count() * EXECUTOR_BYTES
            + self.sql.count() * SQL_BYTES
            + self.sql.plan_bytes()
            + self.partition_bytes()
            + self.texts.bytes
    }

    /// What the memory is taken for.
    pub(crate) fn contents(&self) -> String {
        let (live_stages, stages) = self.stages.count();
        let (runs, jobs) = self.jobs.count();
        format!(
            "{} jobs, {} stages, {} executors, {} SQL executions, texts of {} bytes, {} bytes for partitions \
             that succeeded, {} bytes for reasons of kills",
            runs.max(jobs),
            live_stages + stages,
            self.executors.count(),
            self.sql.count(),
            self.texts.bytes + self.sql.plan_bytes(),
            self.partition_bytes(),
            self.jobs.reason_bytes,
        )
    }

    /// What the sets of partitions and tasks take.
    fn partition_bytes(&self) -> usize {
        (self.stages.words + self.jobs.words + self.running_tasks.words()) * WORD_BYTES
    }
}
