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
    /// Sum of job durations, in µs.
    pub duration_us: i128,
    /// Sum of the jobs' success rates, each in parts per billion.
    pub success_rate_ppb: i128,
    /// Distribution of job durations, in µs.
    pub durations: Histogram,
    /// The jobs' tasks.
    pub tasks: TaskTotals,
}

impl Rollup {
    /// Adds a job.
    pub fn add(&mut self, job: &Job) {
        self.count(job, 1);
        self.durations.record(job.duration_us());
        self.tasks += &job.tasks;
    }

    /// Subtracts a job, as it was when it was added.
    pub fn subtract(&mut self, job: &Job) {
        self.count(job, -1);
        self.durations.unrecord(job.duration_us());
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
        if after.duration_us() != before.duration_us() {
            self.durations.record(after.duration_us());
            self.durations.unrecord(before.duration_us());
        }
        self.tasks += tasks;
    }

    /// The number of jobs.
    pub const fn jobs(&self) -> i64 {
        self.jobs_succeeded.wrapping_add(self.jobs_failed).wrapping_add(self.jobs_unknown)
    }

    /// Mean duration of a job in seconds, 0 without jobs.
    pub const fn avg_duration_seconds(&self) -> f64 {
        mean(self.duration_us, self.jobs(), 1e6)
    }

    /// Mean of the jobs' success rates in percent, 0 without jobs.
    pub const fn avg_success_rate(&self) -> f64 {
        mean(self.success_rate_ppb, self.jobs(), 1e7)
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
        self.duration_us += i128::from(job.duration_us()) * i128::from(by);
        self.success_rate_ppb += i128::from(job.tasks.success_rate_ppb()) * i128::from(by);
    }
}

const fn mean(sum: i128, count: i64, unit: f64) -> f64 {
    if count == 0 { 0.0 } else { sum as f64 / count as f64 / unit }
}

group! {
    Rollup: wrapping [jobs_succeeded, jobs_failed, jobs_unknown, duration_us, success_rate_ppb], groups [durations, tasks]
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
