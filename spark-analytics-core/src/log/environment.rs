//! What an event log says of the environment that an application ran in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The environment of an application's attempt; names are those of the History Server's `/environment`.
///
/// Values are as the log has them: Spark hides what it takes for a secret when it writes a log, and hides once
/// more what it gives out, as [`ApplicationEnvironmentInfo`](crate::history::ApplicationEnvironmentInfo) does.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    /// How many events of the log told of it.
    pub events: u64,
    /// The version of Java.
    pub java_version: Option<String>,
    /// Where Java is installed.
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
    /// What is on the class path, and where it comes from.
    pub classpath_entries: BTreeMap<String, String>,
    /// Resource profiles, in the order of their ids, each once.
    pub resource_profiles: Vec<ResourceProfile>,
}

/// What the executors and the tasks of some stages ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceProfile {
    /// Its number; 0 is the default profile.
    pub id: i64,
    /// What an executor asks for, by the resource's name.
    pub executor_resources: BTreeMap<String, ExecutorResource>,
    /// How much of a resource a task asks for, by the resource's name: the decimal number as Spark
    /// writes it, such as `1.0`.
    pub task_resources: BTreeMap<String, String>,
}

/// How much of a resource an executor asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutorResource {
    /// How much: a number, or MiB of memory.
    pub amount: i64,
    /// The script that finds the resource's addresses, `""` if none.
    pub discovery_script: String,
    /// Who makes it, `""` if it does not matter.
    pub vendor: String,
}
