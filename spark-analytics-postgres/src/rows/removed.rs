//! What is kept of attempts whose jobs were removed, and the day before which logs were pruned.

use std::collections::HashMap;

use sqlx::postgres::PgConnection;

use spark_analytics_core::backend::{HeldLog, Removed};
use spark_analytics_core::{Day, Result};

use crate::error::failed;
use crate::rows::attempt::{OfApp, put, rows};
use crate::statement::Rows;
use crate::value::Columns;

const TABLE: &str = "spark_removed_attempts";

/// Adds what decides whether logs of attempts are refused.
pub(crate) async fn load(
    connection: &mut PgConnection,
    apps: &[i64],
    held: &mut HashMap<i64, HeldLog>,
) -> Result<()> {
    let day: Option<i32> =
        sqlx::query_scalar("SELECT logs_pruned_before_day FROM spark_meta WHERE only_row")
            .fetch_one(&mut *connection)
            .await
            .map_err(failed("read the current state"))?;
    for held in held.values_mut() {
        held.pruned_before = day.map(Day::from_number);
    }
    for row in &rows(connection, "app_no, is_forgotten, run_us", TABLE, apps).await? {
        let mut columns = Columns::new(row, TABLE, 1);
        let app = columns.get()?;
        let removed = Removed { is_forgotten: columns.get()?, run: columns.optional_time()? };
        held.entry(app).or_default().removed = Some(removed);
    }
    Ok(())
}

pub(crate) async fn write(connection: &mut PgConnection, writes: &[OfApp<'_>]) -> sqlx::Result<()> {
    let removed = writes.iter().filter_map(|(app, writes)| Some((*app, writes.removed?)));
    let removed: Vec<(i64, Removed)> = removed.collect();
    Rows::default()
        .column(removed.iter().map(|(app, _)| *app))
        .column(removed.iter().map(|(_, removed)| removed.is_forgotten))
        .column(removed.iter().map(|(_, removed)| removed.run.map(|run| run.as_micros())))
        .execute(connection, &put(TABLE, 1, "app_no, is_forgotten, run_us"))
        .await
}
