//! An SQL execution, from an event log.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// An SQL execution, as reported by an event log; names and rules are those of the History Server's `/sql`.
///
/// Its jobs are those whose [`sql_execution_id`](crate::log::LogJob::sql_execution_id) names it. The plan's graph
/// and the metrics of its nodes are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SqlExecution {
    /// The execution's number.
    pub execution_id: i64,
    /// Whether the log contains its end.
    pub ended: bool,
    /// How many events were counted for it: its start, its end, and changes of its plan.
    pub events: u64,
    /// The execution that started it, or its own number.
    pub root_execution_id: Option<i64>,
    /// When it was submitted.
    pub submission_time: Option<Timestamp>,
    /// When it ended.
    pub completion_time: Option<Timestamp>,
    /// Why it failed; `Some("")` if it succeeded, `None` while it runs or if an old version of Spark
    /// does not report it.
    pub error_message: Option<String>,
    /// The job's description, or the call site in the program.
    pub description: String,
    /// The physical plan as text; with adaptive execution, the last one. `""` if the log has more plans than are kept.
    pub plan_description: String,
}
