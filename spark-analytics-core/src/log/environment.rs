//! The environment of an application, from its event log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The environment of an application's attempt; names are those of the History Server's `/environment`.
///
/// The reader of event logs has hidden secrets, as Spark does when it writes a log. Earlier versions stored the
/// values as they are in the log; [`ApplicationEnvironmentInfo`](crate::history::ApplicationEnvironmentInfo) hides
/// them when it shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Environment {
    /// How many events of the log were counted for it.
    pub events: u64,
    /// The version of Java.
    pub java_version: Option<String>,
    /// The folder in which Java is installed.
    pub java_home: Option<String>,
    /// The version of Scala.
    pub scala_version: Option<String>,
    /// Spark's properties.
    pub spark_properties: BTreeMap<String, String>,
    /// Hadoop's properties.
    pub hadoop_properties: BTreeMap<String, String>,
    /// Properties of the Java virtual machine.
    pub system_properties: BTreeMap<String, String>,
    /// Properties of Spark's metrics system.
    pub metrics_properties: BTreeMap<String, String>,
    /// Class path entries and their origins.
    pub classpath_entries: BTreeMap<String, String>,
    /// Resource profiles, in the order of their ids, each once.
    pub resource_profiles: Vec<ResourceProfile>,
}

/// A resource profile: the resources requested for the executors and tasks of some stages.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ResourceProfile {
    /// Its number; 0 is the default profile.
    pub id: i64,
    /// Resources requested per executor, by name.
    pub executor_resources: BTreeMap<String, ExecutorResource>,
    /// Amount of each resource requested per task, by name: the decimal number as written by Spark, such as `1.0`.
    pub task_resources: BTreeMap<String, String>,
}

/// A resource requested per executor.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ExecutorResource {
    /// The amount: a number, or MiB of memory.
    pub amount: i64,
    /// The discovery script for the resource's addresses, or `""`.
    pub discovery_script: String,
    /// The vendor, or `""` for any.
    pub vendor: String,
}
