//! Roll-ups' rows.

use std::collections::BTreeMap;

use redb::{ReadableTable, WriteTransaction};
use spark_analytics_core::Rollup;
use spark_analytics_core::backend::RollupKey;

use crate::error::Result;
use crate::keys;
use crate::tables::ROLLUPS;
use crate::value::{check_counts, from_postcard, to_postcard};

/// Adds each change to the roll-up that is held.
pub(crate) fn add(
    transaction: &WriteTransaction,
    changes: BTreeMap<RollupKey, Rollup>,
) -> Result<()> {
    let mut table = transaction.open_table(ROLLUPS)?;
    let mut changes: Vec<(Vec<u8>, Rollup)> = changes
        .into_iter()
        .filter(|(_, change)| !change.is_empty())
        .map(|(key, change)| (keys::rollup(key.user.as_deref(), key.day), change))
        .collect();
    changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (key, change) in changes {
        let mut total = match table.get(key.as_slice())? {
            Some(row) => rollup(&key, row.value())?,
            None => Rollup::default(),
        };
        total += &change;
        if total.is_empty() {
            table.remove(key.as_slice())?;
        } else {
            table.insert(key.as_slice(), to_postcard(&total)?.as_slice())?;
        }
    }
    Ok(())
}

pub(crate) fn rollup(key: &[u8], value: &[u8]) -> Result<Rollup> {
    let what = || format!("roll-up under the key {key:02x?}");
    let rollup: Rollup = from_postcard(value, what)?;
    check_counts([rollup.jobs_succeeded, rollup.jobs_failed, rollup.jobs_unknown], what)?;
    check_counts([rollup.tasks.succeeded, rollup.tasks.failed, rollup.tasks.killed], what)?;
    Ok(rollup)
}
