use std::collections::BTreeMap;

use serde::ser::{Serialize, Serializer};

use super::fields::Fields;
use crate::log::{Environment, ResourceProfile};

/// An environment as Spark's `ApplicationEnvironmentInfo`, properties in the order of their names.
///
/// Like Spark with its default `spark.redaction.regex`, it redacts properties whose name or value
/// mentions a secret, a password, a token, a credential or an access key.
#[derive(Clone, Copy, Debug)]
pub struct ApplicationEnvironmentInfo<'a>(pub &'a Environment);

const HIDDEN: &str = "*********(redacted)";

impl Serialize for ApplicationEnvironmentInfo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let environment = self.0;
        let profiles: Vec<_> = environment.resource_profiles.iter().map(Profile).collect();
        let mut fields = Fields::of(serializer)?;
        fields
            .put("runtime", &Runtime(environment))?
            .put("sparkProperties", &redacted(&environment.spark_properties))?
            .put("hadoopProperties", &redacted(&environment.hadoop_properties))?
            .put("systemProperties", &redacted(&environment.system_properties))?
            .put("metricsProperties", &redacted(&environment.metrics_properties))?
            .put("classpathEntries", &environment.classpath_entries.iter().collect::<Vec<_>>())?
            .put("resourceProfiles", &profiles)?;
        fields.end()
    }
}

fn redacted(properties: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    let shown = |value| if is_secret(value) { HIDDEN } else { value };
    properties
        .iter()
        .map(|(name, value)| {
            let is_hidden = is_secret(name) || is_further_name(name);
            (&**name, if is_hidden { HIDDEN } else { shown(value) })
        })
        .collect()
}

/// Spark 4.1's `(?i)secret|password|token|access[.]?key|credential`.
fn is_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["secret", "password", "token", "accesskey", "access.key", "credential"]
        .iter()
        .any(|word| text.contains(word))
}

/// Further names of secrets, as the reader of event logs knows them. Logs that an earlier version read still have them.
fn is_further_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit(['.', '_', '-']).next().unwrap_or_default();
    let letters = name.replace(['.', '_', '-'], "");
    let words = ["apikey", "accesskey", "accountkey", "privatekey", "passphrase", "passwd"];
    last == "pass" || last.ends_with("pwd") || words.iter().any(|word| letters.contains(word))
}

struct Runtime<'a>(&'a Environment);

impl Serialize for Runtime<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::of(serializer)?;
        fields
            .put_some("javaVersion", self.0.java_version.as_ref())?
            .put_some("javaHome", self.0.java_home.as_ref())?
            .put_some("scalaVersion", self.0.scala_version.as_ref())?;
        fields.end()
    }
}

struct Profile<'a>(&'a ResourceProfile);

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutorRequest<'a> {
    resource_name: &'a str,
    amount: i64,
    discovery_script: &'a str,
    vendor: &'a str,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct TaskRequest<'a> {
    resource_name: &'a str,
    amount: f64,
}

impl Serialize for Profile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(ResourceProfile { id, executor_resources, task_resources }) = self;
        let executor = executor_resources.iter().map(|(name, resource)| {
            let request = ExecutorRequest {
                resource_name: name,
                amount: resource.amount,
                discovery_script: &resource.discovery_script,
                vendor: &resource.vendor,
            };
            (name, request)
        });
        let task = task_resources.iter().map(|(name, amount)| {
            (name, TaskRequest { resource_name: name, amount: amount.parse().unwrap_or(0.0) })
        });
        let mut fields = Fields::of(serializer)?;
        fields
            .put("id", id)?
            .put("executorResources", &executor.collect::<BTreeMap<_, _>>())?
            .put("taskResources", &task.collect::<BTreeMap<_, _>>())?;
        fields.end()
    }
}
