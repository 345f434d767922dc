//! Computes what pruning or forgetting an application's attempt changes, and what must be known of it afterwards.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::backend::plan::{JobWrite, rollup_changes};
use crate::backend::plan_log::{HeldLog, LogWriteSet};
use crate::error::Result;
use crate::figures::job::JobRecord;
use crate::identity::{AttemptKey, JobKey};
use crate::log::Application;
use crate::store::{Forgotten, PruneScope, PrunedLogs, Refusal, Store};
use crate::time::{Day, Timestamp};

/// What a store keeps of an application's attempt whose jobs were removed, so that nothing of it counts again: all
/// its single events are refused, and the logs of what was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Removed {
    /// Whether it is one run that was forgotten: the logs of other runs are accepted, also of those that it had
    /// replaced. Otherwise roll-ups have jobs of it, or several runs were removed, and only logs of later runs are.
    pub is_forgotten: bool,
    /// When the removed run began, or the latest of several. `None` if unknown: no log is accepted.
    pub run: Option<Timestamp>,
}

impl Removed {
    /// What to keep when the attempt is removed, perhaps again.
    fn of(held: &HeldLog, is_forgotten: bool) -> Self {
        let run = held.application.as_ref().map(|application| application.start_time);
        let run = match (held.removed.map(|removed| removed.run), run) {
            (Some(earlier), Some(later)) => earlier.zip(later).map(|(a, b)| a.max(b)),
            (one, other) => one.or(other).flatten(),
        };
        Self { is_forgotten: is_forgotten && held.removed.is_none(), run }
    }
}

impl HeldLog {
    /// Why a log of the attempt is refused, if it is.
    pub(crate) fn refusal(&self, log: &Application) -> Option<Refusal> {
        let is_of = |removed: &Removed| match (removed.run, log.start_time) {
            (Some(run), Some(start)) if removed.is_forgotten => start == run,
            (Some(run), start) => start <= Some(run),
            (None, _) => true,
        };
        let forgotten = match self.removed.filter(is_of) {
            Some(removed) if removed.is_forgotten || self.pruned_before.is_none() => {
                Some(Refusal::Forgotten)
            }
            Some(_) => Some(Refusal::TooOld),
            None => None,
        };
        let is_too_old = self.pruned_before.is_some_and(|day| log.is_before(day));
        forgotten.or_else(|| is_too_old.then_some(Refusal::TooOld))
    }
}

/// Computes what a prune of logs changes of an attempt: nothing unless its application
/// [was over before](Application::is_before) the day. Pure, like [`plan_log`](crate::backend::plan_log()).
///
/// Roll-ups stay in any case. The raw events of jobs whose rows are deleted must be deleted with them.
pub fn plan_prune_logs(
    attempt: &AttemptKey,
    held: HeldLog,
    before: Day,
    scope: PruneScope,
) -> LogWriteSet {
    let mut out = LogWriteSet::default();
    match &held.application {
        Some(application) if is_pruned(application, before, scope) => {
            let application = Application { facts_pruned: true, ..application.clone() };
            out.application = Some(application).filter(|_| scope == PruneScope::Facts);
        }
        _ => return out,
    }
    if scope == PruneScope::Jobs {
        out.removes_application = true;
        out.removed = Some(Removed::of(&held, false));
    }
    let jobs = remove_facts(&mut out, held);
    if scope == PruneScope::Jobs {
        out.jobs = removed_jobs(attempt, jobs);
    }
    out
}

/// Computes what forgetting an attempt changes: everything of it is removed, and its figures are subtracted from
/// roll-ups. Nothing changes if nothing is held of it. Pure, like [`plan_log`](crate::backend::plan_log()).
///
/// The figures of jobs whose rows a prune removed earlier stay in roll-ups. The raw events of jobs whose rows are
/// deleted must be deleted with them.
pub fn plan_forget(attempt: &AttemptKey, held: HeldLog) -> LogWriteSet {
    let mut out = LogWriteSet::default();
    if held.application.is_none() && held.jobs.is_empty() {
        return out;
    }
    out.removed = Some(Removed::of(&held, true));
    out.removes_application = held.application.is_some();
    out.jobs = removed_jobs(attempt, remove_facts(&mut out, held));
    out.rollups = rollup_changes(&out.jobs, &[]);
    out
}

fn is_pruned(application: &Application, before: Day, scope: PruneScope) -> bool {
    application.is_before(before) && (scope == PruneScope::Jobs || !application.facts_pruned)
}

/// Removes all facts but the application and its jobs, which are returned.
fn remove_facts(out: &mut LogWriteSet, held: HeldLog) -> BTreeMap<i64, JobRecord> {
    out.removed_stages = held.stages.into_keys().collect();
    out.removed_executors = held.executors.into_keys().collect();
    out.removes_environment = held.environment.is_some();
    out.removed_sql = held.sql.into_keys().collect();
    held.jobs
}

fn removed_jobs(attempt: &AttemptKey, jobs: BTreeMap<i64, JobRecord>) -> Vec<JobWrite> {
    let removed = jobs.into_iter().enumerate().map(|(index, (job_id, record))| {
        let key = JobKey::in_app(&*attempt.app_id, &*attempt.attempt_id, job_id);
        let figures_before = record.unlabelled(&key);
        JobWrite::new(index, key, figures_before, JobRecord::default())
    });
    removed.collect()
}

impl PrunedLogs {
    /// Counts what was written for an attempt.
    pub fn count(&mut self, writes: &LogWriteSet) {
        self.applications += u64::from(!writes.is_empty());
        self.jobs += writes.jobs.len() as u64;
    }
}

impl Forgotten {
    /// Counts what was written for an attempt.
    pub fn count(&mut self, writes: &LogWriteSet) {
        self.attempts += u64::from(!writes.is_empty());
        self.jobs += writes.jobs.len() as u64;
    }
}

/// How many applications are listed at a time.
const PAGE: usize = 256;

/// The attempts that a prune of logs concerns, a few at a time: as many as one transaction should remove.
#[derive(Clone, Debug)]
pub struct OldApplications {
    before: Day,
    scope: PruneScope,
    found: VecDeque<AttemptKey>,
    after: Option<AttemptKey>,
    is_listed: bool,
}

impl OldApplications {
    /// How many attempts are returned at a time.
    pub const AT_ONCE: usize = 16;

    /// Those of a prune with these arguments.
    pub const fn new(before: Day, scope: PruneScope) -> Self {
        Self { before, scope, found: VecDeque::new(), after: None, is_listed: false }
    }

    /// The next attempts; empty after the last. They may have changed by the time they are locked:
    /// [`plan_prune_logs`] decides.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn next(&mut self, store: &dyn Store) -> Result<Vec<AttemptKey>> {
        while self.found.len() < Self::AT_ONCE && !self.is_listed {
            let page = store.applications(self.after.as_ref(), PAGE).await?;
            self.is_listed = page.len() < PAGE;
            self.after = page.last().map(Application::key);
            let old = page.iter().filter(|held| is_pruned(held, self.before, self.scope));
            self.found.extend(old.map(Application::key));
        }
        let count = self.found.len().min(Self::AT_ONCE);
        Ok(self.found.drain(..count).collect())
    }
}
