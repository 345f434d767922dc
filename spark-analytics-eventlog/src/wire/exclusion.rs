//! Events that exclude executors, for one stage attempt or altogether.
//!
//! Spark wrote `Blacklisted` for `Excluded` up to 3.0, and both since.

use serde::Deserialize;

use crate::wire::lenient::{StageKey, Text};
use crate::wire::number;

/// An event that excludes an executor or all executors of a node, or reverts that.
#[derive(Debug, Deserialize)]
pub(crate) struct Exclusion<'a> {
    #[serde(deserialize_with = "number::time")]
    pub(crate) time: i64,
    #[serde(rename = "executorId", borrow, default)]
    pub(crate) executor_id: Option<Text<'a>>,
    #[serde(rename = "hostId", borrow, default)]
    pub(crate) host_id: Option<Text<'a>>,
    #[serde(rename = "stageId", default, deserialize_with = "number::optional")]
    pub(crate) stage_id: Option<i64>,
    #[serde(rename = "stageAttemptId", default, deserialize_with = "number::or_zero")]
    pub(crate) stage_attempt_id: i64,
    #[serde(skip)]
    pub(crate) is_lifted: bool,
}

impl<'a> Exclusion<'a> {
    /// Decodes a line; `None` if its class is not one of these.
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

    /// The stage attempt to which it is limited.
    pub(crate) fn stage(&self) -> Option<StageKey> {
        Some((self.stage_id?, self.stage_attempt_id))
    }
}
