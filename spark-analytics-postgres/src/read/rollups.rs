//! Reading roll-ups.

use futures_util::TryStreamExt;
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
    let mut days = Vec::new();
    each(store, from, to, user, |day, rollup| days.push((day, rollup))).await?;
    Ok(days)
}

pub(crate) async fn total(
    store: &PostgresStore,
    from: Day,
    to: Day,
    user: Option<&str>,
) -> Result<Rollup> {
    let mut total = Rollup::default();
    each(store, from, to, user, |_, rollup| total += &rollup).await?;
    Ok(total)
}

/// Reads roll-ups one by one, in the order of days. A day that has slots but no jobs has none.
async fn each(
    store: &PostgresStore,
    from: Day,
    to: Day,
    user: Option<&str>,
    mut add: impl FnMut(Day, Rollup),
) -> Result<()> {
    if cannot_be_held(&[user.unwrap_or_default()]) {
        return Ok(());
    }
    let sql = format!(
        "SELECT day, slot, {} FROM spark_rollups \
         WHERE of_all = $1 AND user_name = $2 AND day BETWEEN $3 AND $4 ORDER BY day",
        rollup::FIGURES
    );
    let mut slots = sqlx::query(AssertSqlSafe(sql))
        .bind(user.is_none())
        .bind(user.unwrap_or_default())
        .bind(from.number())
        .bind(to.number())
        .fetch(&store.pool);
    let mut held: Option<(Day, Rollup)> = None;
    let mut end = |held: Option<(Day, Rollup)>| {
        let Some((day, rollup)) = held.filter(|(_, rollup)| !rollup.is_empty()) else {
            return Ok(());
        };
        rollup::check(day, &rollup, user)?;
        add(day, rollup);
        Ok(())
    };
    while let Some(row) = slots.try_next().await.map_err(failed("read roll-ups"))? {
        let mut columns = Columns::new(&row, "spark_rollups", 2);
        let (day, _slot): (i32, i16) = (columns.get()?, columns.get()?);
        let (day, slot) = (Day::from_number(day), rollup::rollup(&mut columns)?);
        match &mut held {
            Some((of, sum)) if *of == day => *sum += &slot,
            _ => end(held.replace((day, slot)))?,
        }
    }
    end(held)
}
