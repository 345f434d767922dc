use serde::ser::{Serialize, Serializer};

use super::fields::{Date, Fields, millis};
use crate::log::{Application, Process};

/// A process other than driver and executors as Spark's `ProcessSummary`. Spark's logs never report its
/// end, so it is always active.
#[derive(Clone, Copy, Debug)]
pub struct ProcessSummary<'a> {
    /// Its id.
    pub id: &'a str,
    /// The process.
    pub process: &'a Process,
}

/// The processes in the order of Spark's `/allmiscellaneousprocess`: by id. `None` if they are unknown.
pub fn processes(application: &Application) -> Option<Vec<ProcessSummary<'_>>> {
    let processes = application.processes.as_ref()?.iter();
    Some(processes.map(|(id, process)| ProcessSummary { id, process }).collect())
}

impl Serialize for ProcessSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::of(serializer)?;
        fields
            .put("id", self.id)?
            .put("hostPort", &self.process.host_port)?
            .put("isActive", &true)?
            .put("totalCores", &self.process.total_cores)?
            .put("addTime", &Date(millis(self.process.add_time)))?
            .put("processLogs", &self.process.process_logs)?;
        fields.end()
    }
}
