//! Processes other than driver and executors, while a log is read.

use std::collections::BTreeMap;

use spark_analytics_core::Timestamp;
use spark_analytics_core::log::Process;

use crate::fold::text::Texts;
use crate::wire::event::ProcessAdded;

/// Maximum number of bytes that the processes' ids, addresses and logs take together: 64 KiB. Spark reports one process;
/// those that do not fit are dropped.
pub const MAX_PROCESSES_BYTES: usize = 64 * 1024;

#[derive(Clone, Debug, Default)]
pub(crate) struct Processes(BTreeMap<String, Process>);

impl Processes {
    /// Adds a process. One that is added again keeps the time at which it was added first.
    pub(crate) fn add(&mut self, event: &ProcessAdded<'_>, texts: &mut Texts) {
        let id = texts.key(&event.id.0);
        let mut process = Process::default();
        process.add_time = Some(Timestamp::from_millis(event.time));
        process.host_port = texts.text(&event.info.host_port.0);
        process.total_cores = event.info.cores;
        process.process_logs = texts.named(&event.info.log_urls);
        if let Some(held) = self.0.get(&id) {
            process.add_time = held.add_time;
        }
        let others = self.0.iter().filter(|(other, _)| **other != id);
        let bytes: usize = others.map(|(id, process)| id.len() + process.text_bytes()).sum();
        if bytes + id.len() + process.text_bytes() <= MAX_PROCESSES_BYTES {
            self.0.insert(id, process);
        }
    }

    pub(crate) fn facts_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        self.0.values_mut()
    }

    pub(crate) fn into_facts(self) -> BTreeMap<String, Process> {
        self.0
    }
}
