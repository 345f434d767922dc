//! Executors on which no tasks are to run, for one stage attempt or altogether.

use crate::fold::executor::{DRIVER, Executors};
use crate::fold::text::key;
use crate::wire::exclusion::Exclusion;
use crate::wire::lenient::{StageKey, Text};

impl Executors {
    /// Excludes live executors, or reverts an exclusion. An exclusion for a live stage attempt is reverted when
    /// the attempt completes.
    pub(crate) fn exclude(&mut self, event: &Exclusion<'_>, is_stage_live: bool) {
        let stage = event.stage();
        let executor_id = event.executor_id.as_ref().map(|id| key(&id.0));
        for (id, executor) in &mut self.live {
            // The exclusion of a node does not include the driver.
            let is_of_host = |host: &Text<'_>| executor.host() == host.0 && id != DRIVER;
            if executor_id.as_deref() != Some(id) && !event.host_id.as_ref().is_some_and(is_of_host)
            {
                continue;
            }
            executor.fact.events += 1;
            match stage {
                None => executor.fact.is_excluded = !event.is_lifted,
                Some(stage) => {
                    executor.fact.excluded_in_stages.insert(stage.0);
                    if is_stage_live {
                        self.excluded.entry(stage).or_default().insert(id.clone());
                    }
                }
            }
        }
    }

    /// Reverts the exclusions for a stage attempt.
    pub(crate) fn complete_stage(&mut self, stage: StageKey) {
        for id in self.excluded.remove(&stage).unwrap_or_default() {
            if let Some(executor) = self.live.get_mut(&id) {
                executor.fact.events += 1;
                executor.fact.excluded_in_stages.remove(&stage.0);
            }
        }
    }
}
