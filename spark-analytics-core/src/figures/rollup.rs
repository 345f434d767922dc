//! Daily roll-ups, and their sums over ranges of days.

use serde::{Deserialize, Serialize};

use crate::figures::histogram::Histogram;
use crate::figures::job::Job;
use crate::figures::result::JobResult;
use crate::figures::tasks::TaskTotals;

/// Totals of the jobs of one user or of all users that ended on one UTC day.
///
/// A commutative group like [`TaskTotals`]: when a job changes, its old figures are subtracted and its new ones added, so
/// a roll-up always equals a recount of the jobs. The roll-ups of several days add up to that of the range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rollup {
    /// Jobs that succeeded.
    pub jobs_succeeded: i64,
    /// Jobs that failed.
    pub jobs_failed: i64,
    /// Jobs whose result is another text.
    pub jobs_unknown: i64,
    /// Sum of the durations of jobs in µs, without impossible ones: see [`Job::possible_duration_us`].
    pub duration_us: i128,
    /// Sum of the jobs' success rates, each in parts per billion.
    pub success_rate_ppb: i128,
    /// Distribution of the same durations, in µs.
    pub durations: Histogram,
    /// The jobs' tasks.
    pub tasks: TaskTotals,
    /// Jobs with tasks that succeeded or failed, the others of which say nothing about success.
    pub jobs_with_tasks: i64,
    /// Jobs whose duration is impossible.
    pub impossible_durations: i64,
}

impl Rollup {
    /// Adds a job.
    pub fn add(&mut self, job: &Job) {
        self.count(job, 1);
        if let Some(duration_us) = job.possible_duration_us() {
            self.durations.record(duration_us);
        }
        self.tasks += &job.tasks;
    }

    /// Subtracts a job, as it was when it was added.
    pub fn subtract(&mut self, job: &Job) {
        self.count(job, -1);
        if let Some(duration_us) = job.possible_duration_us() {
            self.durations.unrecord(duration_us);
        }
        self.tasks -= &job.tasks;
    }

    /// Subtracts a job's old figures and adds the new ones. The change of its tasks may be given if it is known already.
    pub(crate) fn correct(&mut self, before: &Job, after: &Job, tasks: Option<&TaskTotals>) {
        let Some(tasks) = tasks else {
            self.add(after);
            self.subtract(before);
            return;
        };
        self.count(after, 1);
        self.count(before, -1);
        let durations = (before.possible_duration_us(), after.possible_duration_us());
        if durations.0 != durations.1 {
            durations.1.into_iter().for_each(|us| self.durations.record(us));
            durations.0.into_iter().for_each(|us| self.durations.unrecord(us));
        }
        self.tasks += tasks;
    }

    /// The number of jobs.
    pub const fn jobs(&self) -> i64 {
        self.jobs_succeeded.wrapping_add(self.jobs_failed).wrapping_add(self.jobs_unknown)
    }

    /// The number of jobs whose duration is possible.
    pub const fn possible_durations(&self) -> i64 {
        self.jobs().wrapping_sub(self.impossible_durations)
    }

    /// Mean of the possible durations in seconds, 0 without any.
    pub const fn avg_duration_seconds(&self) -> f64 {
        mean(self.duration_us, self.possible_durations(), 1e6)
    }

    /// Mean of the success rates of all jobs in percent, 0 without jobs. A job without tasks counts as 0.
    pub const fn avg_success_rate(&self) -> f64 {
        mean(self.success_rate_ppb, self.jobs(), 1e7)
    }

    /// Mean of the success rates of the jobs with tasks in percent, 0 without any.
    pub const fn avg_success_rate_with_tasks(&self) -> f64 {
        mean(self.success_rate_ppb, self.jobs_with_tasks, 1e7)
    }

    /// Whether it contains no job; stores delete such a row.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn count(&mut self, job: &Job, by: i64) {
        match job.result {
            JobResult::Succeeded => self.jobs_succeeded = self.jobs_succeeded.wrapping_add(by),
            JobResult::Failed => self.jobs_failed = self.jobs_failed.wrapping_add(by),
            JobResult::Unknown(_) => self.jobs_unknown = self.jobs_unknown.wrapping_add(by),
        }
        match job.possible_duration_us() {
            Some(us) => self.duration_us += i128::from(us) * i128::from(by),
            None => self.impossible_durations = self.impossible_durations.wrapping_add(by),
        }
        if job.has_tasks() {
            self.jobs_with_tasks = self.jobs_with_tasks.wrapping_add(by);
        }
        self.success_rate_ppb += i128::from(job.tasks.success_rate_ppb()) * i128::from(by);
    }
}

const fn mean(sum: i128, count: i64, unit: f64) -> f64 {
    if count == 0 { 0.0 } else { sum as f64 / count as f64 / unit }
}

group! {
    Rollup: wrapping [
        jobs_succeeded, jobs_failed, jobs_unknown, duration_us, success_rate_ppb, jobs_with_tasks, impossible_durations,
    ], groups [durations, tasks]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_counts_wrap_around_as_sums_do() {
        let most = i64::MAX;
        let total = Rollup { jobs_succeeded: most, jobs_failed: most, ..Rollup::default() };
        assert_eq!(total.jobs(), -2);
        assert!(total.avg_duration_seconds() == 0.0);
    }
}
