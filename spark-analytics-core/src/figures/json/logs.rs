//! Figures of what event logs alone tell: applications and stages.

use std::fmt::Display;

use serde::{Serialize, Serializer};
use spark_analytics_core::history::stage_status;
use spark_analytics_core::{Application, Stage, Timestamp};
use utoipa::ToSchema;

use super::{TaskFigures, seconds, text};
use crate::round::two_decimals;

/// The figures of an attempt of an application that an event log told of.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ApplicationFigures {
    #[schema(example = "application_1711792363000_0042")]
    app_id: String,
    /// Often empty.
    attempt_id: String,
    name: String,
    user: String,
    spark_version: String,
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    start_time: Option<Timestamp>,
    /// Null while it runs, or after its driver died.
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    end_time: Option<Timestamp>,
    ended: bool,
    /// From its start to its end, or else to its latest event.
    duration_seconds: Option<f64>,
    /// Cores of executors times how long they were there. Null if it is not known.
    pub core_time_seconds: Option<f64>,
    /// Percentage of core time in which no task ran, a task taking one core. Null without core time.
    pub idle_share: Option<f64>,
    /// All its tasks.
    tasks: TaskFigures,
}

/// The figures of an attempt of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageFigures {
    stage_id: i64,
    stage_attempt_id: i64,
    #[schema(example = "count at etl.py:42")]
    name: String,
    /// `PENDING`, `ACTIVE`, `COMPLETE`, `FAILED` or `SKIPPED`.
    #[schema(example = "COMPLETE")]
    status: &'static str,
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    submission_time: Option<Timestamp>,
    #[serde(serialize_with = "optional_text")]
    #[schema(value_type = Option<String>, format = DateTime)]
    completion_time: Option<Timestamp>,
    /// From its submission to its end. Null where either is not known.
    duration_seconds: Option<f64>,
    /// Its tasks.
    tasks: TaskFigures,
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
            tasks: TaskFigures::from(&application.tasks),
        }
    }
}

impl From<&Stage> for StageFigures {
    fn from(stage: &Stage) -> Self {
        Self {
            stage_id: stage.stage_id,
            stage_attempt_id: stage.stage_attempt_id,
            name: stage.name.clone(),
            status: stage_status(stage.status),
            submission_time: stage.submission_time,
            completion_time: stage.completion_time,
            duration_seconds: stage.duration_us().map(seconds),
            tasks: TaskFigures::from(&stage.tasks),
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
