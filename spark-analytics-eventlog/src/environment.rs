//! The environment while a log is read.

use std::collections::BTreeMap;

use serde::Deserialize;
use spark_analytics_core::{Environment, ExecutorResource, ResourceProfile};

use crate::event::or_default;
use crate::number;
use crate::text::text;

/// The most bytes that are kept of the names and values of one kind of properties: 1 MiB.
pub const MAX_PROPERTIES_BYTES: usize = 1024 * 1024;

/// The most resource profiles that are kept.
const MAX_PROFILES: usize = 1_000;

type Properties = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
pub(crate) struct EnvironmentUpdate {
    #[serde(rename = "JVM Information", default, deserialize_with = "or_default")]
    jvm: Properties,
    #[serde(rename = "Spark Properties", default, deserialize_with = "or_default")]
    spark: Properties,
    #[serde(rename = "Hadoop Properties", default, deserialize_with = "or_default")]
    hadoop: Properties,
    #[serde(rename = "System Properties", default, deserialize_with = "or_default")]
    system: Properties,
    #[serde(rename = "Metrics Properties", default, deserialize_with = "or_default")]
    metrics: Properties,
    #[serde(rename = "Classpath Entries", default, deserialize_with = "or_default")]
    classpath: Properties,
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
    executor_requests: BTreeMap<String, ExecutorRequest>,
    #[serde(rename = "Task Resource Requests", default, deserialize_with = "or_default")]
    task_requests: BTreeMap<String, TaskRequest>,
}

impl ResourceProfileAdded {
    /// The CPUs that a task asks for.
    pub(crate) fn task_cpus(&self) -> Option<i64> {
        Some(self.task_requests.get("cpus")?.amount as i64)
    }
}

#[derive(Debug, Deserialize)]
struct ExecutorRequest {
    #[serde(rename = "Amount", deserialize_with = "number::or_zero")]
    amount: i64,
    #[serde(rename = "Discovery Script", default)]
    discovery_script: String,
    #[serde(rename = "Vendor", default)]
    vendor: String,
}

#[derive(Debug, Deserialize)]
struct TaskRequest {
    #[serde(rename = "Amount")]
    amount: f64,
}

/// What the log has told of the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environments {
    fact: Environment,
    profiles: BTreeMap<i64, ResourceProfile>,
}

impl Environments {
    /// Takes an update, which tells all properties anew.
    pub(crate) fn update(&mut self, event: EnvironmentUpdate) {
        let of_jvm = |name: &str| event.jvm.get(name).map(|value| text(value));
        self.fact = Environment {
            events: self.fact.events + 1,
            java_version: of_jvm("Java Version"),
            java_home: of_jvm("Java Home"),
            scala_version: of_jvm("Scala Version"),
            spark_properties: kept(event.spark),
            hadoop_properties: kept(event.hadoop),
            system_properties: kept(event.system),
            metrics_properties: kept(event.metrics),
            classpath_entries: kept(event.classpath),
            resource_profiles: Vec::new(),
        };
    }

    pub(crate) fn add_profile(&mut self, event: ResourceProfileAdded) {
        self.fact.events += 1;
        if self.profiles.len() >= MAX_PROFILES && !self.profiles.contains_key(&event.id) {
            return;
        }
        let executor = |(name, request): (String, ExecutorRequest)| {
            let resource = ExecutorResource {
                amount: request.amount,
                discovery_script: text(&request.discovery_script),
                vendor: text(&request.vendor),
            };
            (text(&name), resource)
        };
        let task =
            |(name, request): (String, TaskRequest)| (text(&name), format!("{:?}", request.amount));
        let profile = ResourceProfile {
            id: event.id,
            executor_resources: event.executor_requests.into_iter().map(executor).collect(),
            task_resources: event.task_requests.into_iter().map(task).collect(),
        };
        self.profiles.insert(event.id, profile);
    }

    /// The environment as it stands; `None` if the log told nothing of it.
    pub(crate) fn into_fact(self) -> Option<Environment> {
        let resource_profiles = self.profiles.into_values().collect();
        (self.fact.events > 0).then_some(Environment { resource_profiles, ..self.fact })
    }
}

fn kept(properties: Properties) -> Properties {
    let mut room = MAX_PROPERTIES_BYTES;
    let texts = properties.into_iter().map(|(name, value)| (text(&name), text(&value)));
    let fitting = texts.map_while(|(name, value)| {
        room = room.checked_sub(name.len() + value.len())?;
        Some((name, value))
    });
    fitting.collect()
}
