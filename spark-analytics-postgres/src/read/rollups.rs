//! Reading roll-ups.

use sqlx::AssertSqlSafe;

use spark_analytics_core::{Day, Result, Rollup};

use crate::PostgresStore;
use crate::error::failed;
use crate::rows::rollup;
use crate::value::{Columns, cannot_be_held};

pub(crate) async fn rollups(
    store: &PostgresStore,
    from: Day,
    to: Day,
    user: Option<&str>,
) -> Result<Vec<(Day, Rollup)>> {
    if cannot_be_held(&[user.unwrap_or_default()]) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT day, slot, {} FROM spark_rollups \
         WHERE of_all = $1 AND user_name = $2 AND day BETWEEN $3 AND $4",
        rollup::FIGURES
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(user.is_none())
        .bind(user.unwrap_or_default())
        .bind(from.number())
        .bind(to.number())
        .fetch_all(&store.pool)
        .await
        .map_err(failed("read roll-ups"))?;
    let slots = rows.iter().map(|row| {
        let mut columns = Columns::new(row, "spark_rollups", 2);
        let (day, _slot): (i32, i16) = (columns.get()?, columns.get()?);
        Ok((Day::from_number(day), rollup::rollup(&mut columns)?))
    });
    rollup::days(slots, user)
}
