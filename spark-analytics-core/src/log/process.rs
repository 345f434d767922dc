//! Processes of an application that are neither its driver nor its executors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A process other than driver and executors, such as YARN's application master; names are those of the
/// History Server's `/allmiscellaneousprocess`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Process {
    /// When it was added first.
    pub add_time: Option<Timestamp>,
    /// Its host and port.
    pub host_port: String,
    /// Cores.
    pub total_cores: i64,
    /// Where its logs are, by their names.
    pub process_logs: BTreeMap<String, String>,
}

impl Process {
    /// How many bytes its texts take.
    pub fn text_bytes(&self) -> usize {
        let logs = self.process_logs.iter().map(|(name, url)| name.len() + url.len());
        self.host_port.len() + logs.sum::<usize>()
    }
}
