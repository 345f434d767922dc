//! Figures that only event logs provide: applications and stages.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use super::decimals::two_decimals;
use super::{TaskFigures, seconds, text};
use crate::log::{Application, Stage};
use crate::time::Timestamp;

/// The figures of an application attempt, from its event log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ApplicationFigures {
    /// Spark's id of the application.
    #[cfg_attr(feature = "openapi", schema(example = "application_1711792363000_0042"))]
    pub app_id: String,
    /// Often empty.
    pub attempt_id: String,
    /// The application's name.
    pub name: String,
    /// The user who submitted it.
    pub user: String,
    /// The version of Spark.
    pub spark_version: String,
    /// When it started, null if unknown.
    #[serde(serialize_with = "optional_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub start_time: Option<Timestamp>,
    /// Null while it runs, or after its driver died.
    #[serde(serialize_with = "optional_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub end_time: Option<Timestamp>,
    /// Whether the log reports its end.
    pub ended: bool,
    /// From its start to its end, or else to its latest event.
    pub duration_seconds: Option<f64>,
    /// Total time that executors' cores were available. Null if unknown.
    pub core_time_seconds: Option<f64>,
    /// Percentage of core time in which no task ran, a task taking one core. Null without core time.
    pub idle_share: Option<f64>,
    /// All its tasks.
    pub tasks: TaskFigures,
    /// Whether its stages, executors, environment and SQL executions were pruned.
    pub facts_pruned: bool,
    /// Its jobs. Null in records written by earlier versions.
    pub jobs: Option<i64>,
    /// Those of its jobs that failed. Null in records written by earlier versions.
    pub failed_jobs: Option<i64>,
}

/// The figures of an attempt of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct StageFigures {
    /// Spark's number of the stage.
    pub stage_id: i64,
    /// The attempt of the stage, from 0.
    pub stage_attempt_id: i64,
    /// The stage's name, often a call site.
    #[cfg_attr(feature = "openapi", schema(example = "count at etl.py:42"))]
    pub name: String,
    /// `PENDING`, `ACTIVE`, `COMPLETE`, `FAILED` or `SKIPPED`.
    #[cfg_attr(feature = "openapi", schema(example = "COMPLETE"))]
    pub status: &'static str,
    /// When it was submitted, null if unknown.
    #[serde(serialize_with = "optional_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub submission_time: Option<Timestamp>,
    /// When it ended, null if unknown.
    #[serde(serialize_with = "optional_text")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub completion_time: Option<Timestamp>,
    /// From its submission to its end. Null if either is unknown.
    pub duration_seconds: Option<f64>,
    /// Its tasks.
    pub tasks: TaskFigures,
    /// Tasks as Spark counts them, each once however often it is attempted.
    pub num_tasks: i64,
    /// The description of the job that submitted it.
    pub description: Option<String>,
    /// Why it failed, null unless it did.
    pub failure_reason: Option<String>,
}

impl From<&Application> for ApplicationFigures {
    fn from(application: &Application) -> Self {
        let idle = application.idle_core_ms().zip(application.core_time_ms);
        Self {
            app_id: application.app_id.clone(),
            attempt_id: application.attempt_id.clone(),
            name: application.name.clone(),
            user: application.user.clone(),
            spark_version: application.spark_version.clone(),
            start_time: application.start_time,
            end_time: application.end_time,
            ended: application.ended,
            duration_seconds: application.duration_us().map(seconds),
            core_time_seconds: application.core_time_ms.map(|ms| two_decimals(ms.into(), 1_000)),
            idle_share: idle.map(|(idle, all)| two_decimals(idle.saturating_mul(100), all.into())),
            tasks: TaskFigures::of(&application.tasks, application.longest_task_ms),
            facts_pruned: application.facts_pruned,
            jobs: application.jobs,
            failed_jobs: application.failed_jobs,
        }
    }
}

impl From<&Stage> for StageFigures {
    fn from(stage: &Stage) -> Self {
        Self {
            stage_id: stage.stage_id,
            stage_attempt_id: stage.stage_attempt_id,
            name: stage.name.clone(),
            status: stage.status.name(),
            submission_time: stage.submission_time,
            completion_time: stage.completion_time,
            duration_seconds: stage.duration_us().map(seconds),
            tasks: TaskFigures::of(&stage.tasks, stage.longest_task_ms),
            num_tasks: stage.num_tasks,
            description: stage.description.clone(),
            failure_reason: stage.failure_reason.clone(),
        }
    }
}

fn optional_text<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => text(value, serializer),
        None => serializer.serialize_none(),
    }
}
