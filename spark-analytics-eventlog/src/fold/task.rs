//! How the end of a task is counted.

use std::collections::BTreeMap;

use spark_analytics_core::TaskOutcome;

use crate::wire::event::TaskEndReason;

/// Maximum number of distinct reasons in a summary of killed tasks. Each denied commit has its own reason.
pub(crate) const MAX_KILL_REASONS: usize = 1_000;
/// What a reason takes in a summary, besides its text.
const KILL_REASON_BYTES: usize = 64;
const OTHER_KILL_REASONS: &str = "other reasons";

impl TaskEndReason<'_> {
    /// How Spark counts a task that ended for this reason.
    pub(crate) fn outcome(&self) -> TaskOutcome {
        match self.reason.0.as_ref() {
            "Success" => TaskOutcome::Succeeded,
            "TaskKilled" | "TaskCommitDenied" => TaskOutcome::Killed,
            _ => TaskOutcome::Failed,
        }
    }

    /// Whether a succeeded task must run again because its output was lost.
    pub(crate) fn is_resubmitted(&self) -> bool {
        self.reason.0 == "Resubmitted"
    }

    /// The key under which a killed task is counted: the reason for the kill, or Spark's text for a denied
    /// commit.
    pub(crate) fn kill_summary(&self) -> String {
        if self.reason.0 == "TaskKilled" {
            let reason = self.kill_reason.as_ref();
            return reason.map_or_else(
                || "unknown reason".to_owned(),
                |reason| reason.0.clone().into_owned(),
            );
        }
        format!(
            "TaskCommitDenied (Driver denied task commit) for job: {}, partition: {}, \
             attemptNumber: {}",
            self.job_id.unwrap_or(-1),
            self.partition_id.unwrap_or(-1),
            self.attempt_number.unwrap_or(-1),
        )
    }
}

/// Counts a killed task under its reason. Returns the bytes of a new reason.
pub(crate) fn note_kill(summary: &mut BTreeMap<String, i64>, reason: &str) -> usize {
    if let Some(count) = summary.get_mut(reason) {
        *count += 1;
        0
    } else if summary.len() < MAX_KILL_REASONS {
        summary.insert(reason.to_owned(), 1);
        reason.len() + KILL_REASON_BYTES
    } else {
        *summary.entry(OTHER_KILL_REASONS.to_owned()).or_default() += 1;
        0
    }
}
