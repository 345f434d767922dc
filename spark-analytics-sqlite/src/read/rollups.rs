//! Reading roll-ups.

use sqlx::AssertSqlSafe;

use spark_analytics_core::{Day, Result, Rollup};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::rollup;
use crate::value::Columns;

pub(crate) async fn rollups(
    store: &SqliteStore,
    from: Day,
    to: Day,
    user: Option<&str>,
) -> Result<Vec<(Day, Rollup)>> {
    let sql = format!(
        "SELECT rollup_no, day, {} FROM spark_rollups \
         WHERE user IS ? AND day BETWEEN ? AND ? ORDER BY day",
        rollup::FIGURES
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(user)
        .bind(from.number())
        .bind(to.number())
        .fetch_all(&store.readers)
        .await
        .map_err(failed("read roll-ups"))?;
    let days = rows.iter().map(|row| rollup::day(&mut Columns::new(row, "spark_rollups")));
    days.collect()
}
