//! How much memory cached keys and values take, beyond their own size.

use std::sync::Arc;

use crate::figures::fold::JobFold;
use crate::figures::histogram::Histogram;
use crate::figures::job::{Job, JobRecord};
use crate::figures::labels::JobLabels;
use crate::figures::result::JobResult;
use crate::figures::rollup::Rollup;
use crate::figures::tasks::TaskTotals;
use crate::identity::JobKey;
use crate::log::LogJob;
use crate::store::{JobCursor, JobFilter};
use crate::time::Day;

/// What an allocation takes beside its content.
const ALLOCATION: usize = 16;

pub(super) trait Weigh {
    /// The bytes that the value has on the heap. Shared ones count in full.
    fn heap(&self) -> usize;
}

/// The bytes of values that are elements of something on the heap.
fn all<'a, T: Weigh + 'a>(values: impl IntoIterator<Item = &'a T>) -> usize {
    values.into_iter().map(|value| size_of::<T>() + value.heap()).sum()
}

impl Weigh for String {
    fn heap(&self) -> usize {
        if self.is_empty() { 0 } else { self.len() + ALLOCATION }
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn heap(&self) -> usize {
        self.as_ref().map_or(0, T::heap)
    }
}

impl<T: Weigh> Weigh for Box<T> {
    fn heap(&self) -> usize {
        ALLOCATION + size_of::<T>() + (**self).heap()
    }
}

impl<T: Weigh> Weigh for Arc<T> {
    fn heap(&self) -> usize {
        ALLOCATION + size_of::<T>() + (**self).heap()
    }
}

impl<T: Weigh> Weigh for Arc<[T]> {
    fn heap(&self) -> usize {
        ALLOCATION + all(self.iter())
    }
}

impl Weigh for JobKey {
    fn heap(&self) -> usize {
        self.app_id.heap() + self.attempt_id.heap()
    }
}

impl Weigh for JobCursor {
    fn heap(&self) -> usize {
        self.key.heap()
    }
}

impl Weigh for JobResult {
    fn heap(&self) -> usize {
        match self {
            Self::Unknown(_) => self.name().len() + ALLOCATION,
            _ => 0,
        }
    }
}

impl Weigh for JobFilter {
    fn heap(&self) -> usize {
        self.user.heap() + self.app_id.heap() + self.result.heap()
    }
}

/// The key of a list.
impl Weigh for (JobFilter, Option<JobCursor>, usize) {
    fn heap(&self) -> usize {
        self.0.heap() + self.1.heap()
    }
}

/// The key of a range of days.
impl Weigh for (Day, Day, Option<String>) {
    fn heap(&self) -> usize {
        self.2.heap()
    }
}

impl Weigh for Histogram {
    fn heap(&self) -> usize {
        match self.buckets().len() {
            0 => 0,
            buckets => buckets * size_of::<(i16, i64)>() + size_of::<Vec<()>>() + 2 * ALLOCATION,
        }
    }
}

impl Weigh for TaskTotals {
    fn heap(&self) -> usize {
        self.durations.heap()
    }
}

impl Weigh for Rollup {
    fn heap(&self) -> usize {
        self.durations.heap() + self.tasks.heap()
    }
}

impl Weigh for (Day, Rollup) {
    fn heap(&self) -> usize {
        self.1.heap()
    }
}

impl Weigh for JobLabels {
    fn heap(&self) -> usize {
        let texts = [&self.app_name, &self.description, &self.job_group, &self.failure_message];
        self.name.heap() + texts.map(Weigh::heap).iter().sum::<usize>()
    }
}

impl Weigh for Job {
    fn heap(&self) -> usize {
        self.key.heap()
            + self.user.heap()
            + self.result.heap()
            + self.tasks.heap()
            + self.labels.heap()
    }
}

impl Weigh for JobFold {
    fn heap(&self) -> usize {
        let start = self.start.as_ref().map_or(0, |start| start.user.heap());
        let end = self.end.as_ref().map_or(0, |end| end.user.heap() + end.job_result.heap());
        start + end + self.tasks.heap()
    }
}

impl Weigh for LogJob {
    fn heap(&self) -> usize {
        let texts = [&self.job_result, &self.user, &self.name];
        let optional = [&self.description, &self.job_group, &self.failure_message, &self.app_name];
        texts.map(Weigh::heap).iter().sum::<usize>()
            + optional.map(Weigh::heap).iter().sum::<usize>()
            + all(&self.job_tags)
            + size_of_val(self.stage_ids.as_slice())
            + all(self.killed_tasks_summary.keys())
            + size_of::<i64>() * self.killed_tasks_summary.len()
            + self.tasks.heap()
    }
}

impl Weigh for JobRecord {
    fn heap(&self) -> usize {
        self.events.heap() + self.log.heap()
    }
}
