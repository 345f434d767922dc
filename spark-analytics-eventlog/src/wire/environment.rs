//! Events that describe the environment of an application.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::wire::lenient::or_default;
use crate::wire::number;

/// Properties by name.
pub(crate) type Properties = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
pub(crate) struct EnvironmentUpdate {
    #[serde(rename = "JVM Information", default, deserialize_with = "or_default")]
    pub(crate) jvm: Properties,
    #[serde(rename = "Spark Properties", default, deserialize_with = "or_default")]
    pub(crate) spark: Properties,
    #[serde(rename = "Hadoop Properties", default, deserialize_with = "or_default")]
    pub(crate) hadoop: Properties,
    #[serde(rename = "System Properties", default, deserialize_with = "or_default")]
    pub(crate) system: Properties,
    #[serde(rename = "Metrics Properties", default, deserialize_with = "or_default")]
    pub(crate) metrics: Properties,
    #[serde(rename = "Classpath Entries", default, deserialize_with = "or_default")]
    pub(crate) classpath: Properties,
}

impl EnvironmentUpdate {
    /// `spark.task.cpus`, if it is set.
    pub(crate) fn task_cpus(&self) -> Option<i64> {
        self.spark.get("spark.task.cpus")?.parse().ok()
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct ResourceProfileAdded {
    #[serde(rename = "Resource Profile Id", deserialize_with = "number::required")]
    pub(crate) id: i64,
    #[serde(rename = "Executor Resource Requests", default, deserialize_with = "or_default")]
    pub(crate) executor_requests: BTreeMap<String, ExecutorRequest>,
    #[serde(rename = "Task Resource Requests", default, deserialize_with = "or_default")]
    pub(crate) task_requests: BTreeMap<String, TaskRequest>,
}

impl ResourceProfileAdded {
    /// The CPUs that a task asks for.
    pub(crate) fn task_cpus(&self) -> Option<i64> {
        Some(self.task_requests.get("cpus")?.amount as i64)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExecutorRequest {
    #[serde(rename = "Amount", deserialize_with = "number::or_zero")]
    pub(crate) amount: i64,
    #[serde(rename = "Discovery Script", default)]
    pub(crate) discovery_script: String,
    #[serde(rename = "Vendor", default)]
    pub(crate) vendor: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TaskRequest {
    #[serde(rename = "Amount")]
    pub(crate) amount: f64,
}
