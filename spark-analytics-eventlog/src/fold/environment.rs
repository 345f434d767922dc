//! The environment, while a log is read.

use std::collections::BTreeMap;

use spark_analytics_core::log::{Environment, ExecutorResource, ResourceProfile};

use crate::fold::text::Texts;
use crate::wire::environment::{
    EnvironmentUpdate, ExecutorRequest, Properties, ResourceProfileAdded, TaskRequest,
};

/// Maximum number of bytes of the names and values of one kind of properties: 1 MiB. Further ones are dropped.
pub const MAX_PROPERTIES_BYTES: usize = 1024 * 1024;

/// Maximum number of resource profiles that are kept.
const MAX_PROFILES: usize = 1_000;

/// The environment and its resource profiles so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environments {
    fact: Environment,
    profiles: BTreeMap<i64, ResourceProfile>,
}

impl Environments {
    /// Applies an update, which replaces all properties.
    pub(crate) fn update(&mut self, event: EnvironmentUpdate, texts: &mut Texts) {
        let mut of_jvm =
            |name: &str| event.jvm.get(name).map(|value| texts.property(name, value).1);
        self.fact.events += 1;
        self.fact.java_version = of_jvm("Java Version");
        self.fact.java_home = of_jvm("Java Home");
        self.fact.scala_version = of_jvm("Scala Version");
        self.fact.spark_properties = kept(event.spark, texts);
        self.fact.hadoop_properties = kept(event.hadoop, texts);
        self.fact.system_properties = kept(event.system, texts);
        self.fact.metrics_properties = kept(event.metrics, texts);
        self.fact.classpath_entries = fitting(
            event.classpath.iter().map(|(path, origin)| (texts.text(path), texts.text(origin))),
        );
    }

    pub(crate) fn add_profile(&mut self, event: ResourceProfileAdded, texts: &mut Texts) {
        self.fact.events += 1;
        if self.profiles.len() >= MAX_PROFILES && !self.profiles.contains_key(&event.id) {
            return;
        }
        let mut executor = |(name, request): (String, ExecutorRequest)| {
            let mut resource = ExecutorResource::default();
            resource.amount = request.amount;
            resource.discovery_script = texts.text(&request.discovery_script);
            resource.vendor = texts.text(&request.vendor);
            (texts.text(&name), resource)
        };
        let of_executor = event.executor_requests.into_iter().map(&mut executor).collect();
        let task = |(name, request): (String, TaskRequest)| {
            (texts.text(&name), format!("{:?}", request.amount))
        };
        let mut profile = ResourceProfile::default();
        profile.id = event.id;
        profile.executor_resources = of_executor;
        profile.task_resources = event.task_requests.into_iter().map(task).collect();
        self.profiles.insert(event.id, profile);
    }

    pub(crate) fn profiles_mut(&mut self) -> impl Iterator<Item = &mut ResourceProfile> {
        self.profiles.values_mut()
    }

    /// The current environment; `None` if the log has no event of it.
    pub(crate) fn into_fact(mut self) -> Option<Environment> {
        self.fact.resource_profiles = self.profiles.into_values().collect();
        (self.fact.events > 0).then_some(self.fact)
    }
}

fn kept(properties: Properties, texts: &mut Texts) -> Properties {
    fitting(properties.iter().map(|(name, value)| texts.property(name, value)))
}

/// The first properties, as many as there is room for.
fn fitting(properties: impl Iterator<Item = (String, String)>) -> Properties {
    let mut room = MAX_PROPERTIES_BYTES;
    let fitting = properties.map_while(|(name, value)| {
        room = room.checked_sub(name.len() + value.len())?;
        Some((name, value))
    });
    fitting.collect()
}
