//! What an event log says of an execution of a query.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// An execution of Spark SQL; names and rules are those of the History Server's `/sql`.
///
/// Its jobs are those whose [`sql_execution_id`](crate::LogJob::sql_execution_id) names it. The graph of its plan
/// and the metrics of the plan's nodes are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct SqlExecution {
    /// The execution's number.
    pub execution_id: i64,
    /// Whether the log has its end.
    pub ended: bool,
    /// How many events were counted for it: its start, its end, and changes of its plan.
    pub events: u64,
    /// The execution that began it, its own number if none did.
    pub root_execution_id: Option<i64>,
    /// When it was submitted.
    pub submission_time: Option<Timestamp>,
    /// When it ended.
    pub completion_time: Option<Timestamp>,
    /// Why it failed; `Some("")` of one that ended well, `None` while it runs or where an old Spark
    /// does not tell.
    pub error_message: Option<String>,
    /// The description of the job that it is, or the call in the program.
    pub description: String,
    /// The physical plan as text, the last that adaptive execution told. `""` also where a log tells more plans than are kept.
    pub plan_description: String,
}
