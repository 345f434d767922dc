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
    if from > to {
        return Ok(Vec::new());
    }
    let (from, to) = (keys::rollup(user, from), keys::rollup(user, to));
    let table = transaction.open_table(ROLLUPS)?;
    let rows = table.range::<&[u8]>(from.as_slice()..=to.as_slice())?.map(|row| {
        let (key, value) = row?;
        let day = keys::read_rollup_day(key.value()).ok_or_else(|| {
            Fault::damaged(format!("key of a roll-up, {:02x?}", key.value()), NOT_A_KEY)
        })?;
        Ok((day, rollup(key.value(), value.value())?))
    });
    rows.collect()
}
