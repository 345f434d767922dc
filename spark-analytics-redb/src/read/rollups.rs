//! Reading roll-ups.

use redb::ReadTransaction;
use spark_analytics_core::{Day, Rollup};

use crate::error::{Fault, Result};
use crate::keys;
use crate::rows::rollup::rollup;
use crate::tables::ROLLUPS;
use crate::value::NOT_A_KEY;

pub(crate) fn rollups(
    transaction: &ReadTransaction,
    from: Day,
    to: Day,
    user: Option<&str>,
) -> Result<Vec<(Day, Rollup)>> {
    let mut days = Vec::new();
    each(transaction, from, to, user, |day, rollup| days.push((day, rollup)))?;
    Ok(days)
}

pub(crate) fn total(
    transaction: &ReadTransaction,
    from: Day,
    to: Day,
    user: Option<&str>,
) -> Result<Rollup> {
    let mut total = Rollup::default();
    each(transaction, from, to, user, |_, rollup| total += &rollup)?;
    Ok(total)
}

/// Reads roll-ups one by one, in the order of days.
fn each(
    transaction: &ReadTransaction,
    from: Day,
    to: Day,
    user: Option<&str>,
    mut add: impl FnMut(Day, Rollup),
) -> Result<()> {
    if from > to {
        return Ok(());
    }
    let (from, to) = (keys::rollup(user, from), keys::rollup(user, to));
    let table = transaction.open_table(ROLLUPS)?;
    for row in table.range::<&[u8]>(from.as_slice()..=to.as_slice())? {
        let (key, value) = row?;
        let day = keys::read_rollup_day(key.value()).ok_or_else(|| {
            Fault::damaged(format!("key of a roll-up, {:02x?}", key.value()), NOT_A_KEY)
        })?;
        add(day, rollup(key.value(), value.value())?);
    }
    Ok(())
}
