//! Reading roll-ups.

use futures_util::TryStreamExt;
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
    let mut days = Vec::new();
    each(store, from, to, user, |day, rollup| days.push((day, rollup))).await?;
    Ok(days)
}

pub(crate) async fn total(
    store: &SqliteStore,
    from: Day,
    to: Day,
    user: Option<&str>,
) -> Result<Rollup> {
    let mut total = Rollup::default();
    each(store, from, to, user, |_, rollup| total += &rollup).await?;
    Ok(total)
}

/// Reads roll-ups one by one, in the order of days.
async fn each(
    store: &SqliteStore,
    from: Day,
    to: Day,
    user: Option<&str>,
    mut add: impl FnMut(Day, Rollup),
) -> Result<()> {
    let sql = format!(
        "SELECT rollup_no, day, {} FROM spark_rollups \
         WHERE user IS ? AND day BETWEEN ? AND ? ORDER BY day",
        rollup::FIGURES
    );
    let mut rows = sqlx::query(AssertSqlSafe(sql))
        .bind(user)
        .bind(from.number())
        .bind(to.number())
        .fetch(&store.readers);
    while let Some(row) = rows.try_next().await.map_err(failed("read roll-ups"))? {
        let (day, rollup) = rollup::day(&mut Columns::new(&row, "spark_rollups"))?;
        add(day, rollup);
    }
    Ok(())
}
