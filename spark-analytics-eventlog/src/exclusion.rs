//! Executors on which no tasks are to run, for a stage or at all.
//!
//! Spark wrote `Blacklisted` for `Excluded` up to 3.0, and both since.

use serde::Deserialize;

use crate::event::Text;
use crate::executor::{DRIVER, Executors};
use crate::number;
use crate::stage::StageKey;
use crate::text::key;

/// One of the events that exclude an executor or all of a node, or take that back.
#[derive(Debug, Deserialize)]
pub(crate) struct Exclusion<'a> {
    #[serde(deserialize_with = "number::required")]
    pub(crate) time: i64,
    #[serde(rename = "executorId", borrow, default)]
    executor_id: Option<Text<'a>>,
    #[serde(rename = "hostId", borrow, default)]
    host_id: Option<Text<'a>>,
    #[serde(rename = "stageId", default, deserialize_with = "number::optional")]
    stage_id: Option<i64>,
    #[serde(rename = "stageAttemptId", default, deserialize_with = "number::or_zero")]
    stage_attempt_id: i64,
    #[serde(skip)]
    is_lifted: bool,
}

impl<'a> Exclusion<'a> {
    /// Reads a line of a class; `None` if the class is another.
    pub(crate) fn decode(class: &str, line: &'a [u8]) -> Option<serde_json::Result<Self>> {
        let name = class.strip_prefix("org.apache.spark.scheduler.SparkListener")?;
        let what = name.strip_prefix("Executor").or_else(|| name.strip_prefix("Node"))?;
        let is_lifted = match what.strip_suffix("ForStage").unwrap_or(what) {
            "Excluded" | "Blacklisted" => false,
            "Unexcluded" | "Unblacklisted" => true,
            _ => return None,
        };
        let event = serde_json::from_slice::<Self>(line);
        Some(event.map(|event| Self { is_lifted, ..event }))
    }

    /// The stage attempt for which alone it is.
    pub(crate) fn stage(&self) -> Option<StageKey> {
        Some((self.stage_id?, self.stage_attempt_id))
    }
}

impl Executors {
    /// Excludes executors that are there, or takes that back. A stage attempt that runs takes it back when it
    /// completes.
    pub(crate) fn exclude(&mut self, event: &Exclusion<'_>, is_stage_live: bool) {
        let stage = event.stage();
        let executor_id = event.executor_id.as_ref().map(|id| key(&id.0));
        for (id, executor) in &mut self.live {
            // The driver is not excluded with its node.
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

    /// Takes back what was excluded for a stage attempt alone.
    pub(crate) fn complete_stage(&mut self, stage: StageKey) {
        for id in self.excluded.remove(&stage).unwrap_or_default() {
            if let Some(executor) = self.live.get_mut(&id) {
                executor.fact.events += 1;
                executor.fact.excluded_in_stages.remove(&stage.0);
            }
        }
    }
}
