//! `apps`: the applications of imported event logs.

use clap::Args;
use serde::Serialize;
use spark_analytics_core::figures::ApplicationFigures;
use spark_analytics_core::log::Application;
use spark_analytics_core::{AttemptKey, Timestamp};

use crate::flags::Shared;
use crate::output::pages::pages;
use crate::output::{Columns, List, Out};
use crate::store::open;

/// List the applications whose event logs were imported
#[derive(Debug, Args)]
#[command(after_help = "Example: spark-analytics apps --format json")]
pub(crate) struct Apps {}

#[derive(Debug, Serialize)]
struct AppView {
    app_id: String,
    attempt_id: String,
    name: String,
    user: String,
    spark_version: String,
    start_time: Option<String>,
    end_time: Option<String>,
    ended: bool,
    task_count: i64,
    failed_tasks: i64,
    killed_tasks: i64,
    core_time_seconds: Option<f64>,
    idle_share: Option<f64>,
}

const APPS: Columns = Columns {
    all: &[
        "app_id",
        "attempt_id",
        "name",
        "user",
        "spark_version",
        "start_time",
        "end_time",
        "ended",
        "task_count",
        "failed_tasks",
        "killed_tasks",
        "core_time_seconds",
        "idle_share",
    ],
    table: &[
        "app_id",
        "attempt_id",
        "name",
        "user",
        "spark_version",
        "start_time",
        "end_time",
        "task_count",
        "failed_tasks",
        "core_time_seconds",
        "idle_share",
    ],
};

pub(crate) async fn run(_: &Apps, shared: &Shared, out: &mut Out) -> anyhow::Result<()> {
    let store = open::existing(shared).await?;
    let mut list = List::new(out, APPS);
    let read = async |after: Option<&AttemptKey>, wanted| store.applications(after, wanted).await;
    let write =
        |apps: &[Application]| list.page(&apps.iter().map(AppView::from).collect::<Vec<_>>());
    pages(usize::MAX, read, Application::key, write).await?;
    list.end()?;
    Ok(store.close().await?)
}

impl From<&Application> for AppView {
    fn from(app: &Application) -> Self {
        let figures = ApplicationFigures::from(app);
        let shown = |time: Option<Timestamp>| time.map(|time| time.to_string());
        Self {
            app_id: app.app_id.clone(),
            attempt_id: app.attempt_id.clone(),
            name: app.name.clone(),
            user: app.user.clone(),
            spark_version: app.spark_version.clone(),
            start_time: shown(app.start_time),
            end_time: shown(app.end_time),
            ended: app.ended,
            task_count: app.tasks.task_count(),
            failed_tasks: app.tasks.failed,
            killed_tasks: app.tasks.killed,
            core_time_seconds: figures.core_time_seconds,
            idle_share: figures.idle_share,
        }
    }
}
