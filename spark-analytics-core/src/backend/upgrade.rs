//! Brings roll-ups of earlier versions up to date.

use std::collections::BTreeMap;

use crate::figures::job::Job;
use crate::figures::rollup::Rollup;
use crate::identity::RollupKey;

/// What roll-ups lack that versions before schema 4 wrote: the number of jobs with tasks, and that of impossible
/// durations, which those versions added to the others.
///
/// A store that opens a file or database of such a version passes each job with figures to
/// [`add`](Self::add) and adds the [changes](Self::into_changes) to its roll-ups, in the same transaction in which it
/// records its new schema.
#[derive(Clone, Debug, Default)]
pub struct RollupUpgrade(BTreeMap<RollupKey, Rollup>);

impl RollupUpgrade {
    /// Adds a job. Of its tasks only the counts of those that succeeded and failed matter.
    pub fn add(&mut self, job: &Job) {
        let is_possible = job.possible_duration_us().is_some();
        if is_possible && !job.has_tasks() {
            return;
        }
        for user in [None, Some(job.user.clone())] {
            let change = self.0.entry(RollupKey { day: job.end.day(), user }).or_default();
            change.jobs_with_tasks += i64::from(job.has_tasks());
            if !is_possible {
                change.impossible_durations += 1;
                change.duration_us -= i128::from(job.duration_us());
                change.durations.unrecord(job.duration_us());
            }
        }
    }

    /// What to add to each roll-up.
    pub fn into_changes(self) -> BTreeMap<RollupKey, Rollup> {
        self.0
    }
}
