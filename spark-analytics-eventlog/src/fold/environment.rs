//! The environment while a log is read.

use std::collections::BTreeMap;

use spark_analytics_core::log::{Environment, ExecutorResource, ResourceProfile};

use crate::fold::text::text;
use crate::wire::environment::{
    EnvironmentUpdate, ExecutorRequest, Properties, ResourceProfileAdded, TaskRequest,
};

/// The most bytes that are kept of the names and values of one kind of properties: 1 MiB.
pub const MAX_PROPERTIES_BYTES: usize = 1024 * 1024;

/// The most resource profiles that are kept.
const MAX_PROFILES: usize = 1_000;

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
