//! Roll-ups' rows.

use std::collections::BTreeMap;

use redb::{ReadableTable, WriteTransaction};
use serde::Deserialize;
use spark_analytics_core::backend::{RollupKey, RollupUpgrade};
use spark_analytics_core::{Histogram, Rollup, TaskTotals};

use crate::error::Result;
use crate::keys;
use crate::rows::job::{JobRow, job_key};
use crate::tables::{JOBS, ROLLUPS};
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
    check_counts([rollup.jobs_with_tasks, rollup.impossible_durations, 0], what)?;
    check_counts([rollup.tasks.succeeded, rollup.tasks.failed, rollup.tasks.killed], what)?;
    Ok(rollup)
}

/// A roll-up before schema 4.
#[derive(Deserialize)]
struct OldRollup {
    jobs_succeeded: i64,
    jobs_failed: i64,
    jobs_unknown: i64,
    duration_us: i128,
    success_rate_ppb: i128,
    durations: Histogram,
    tasks: TaskTotals,
}

/// Rewrites the roll-ups of an earlier schema, with what was not counted then: see [`RollupUpgrade`].
pub(crate) fn count_jobs(transaction: &WriteTransaction) -> Result<()> {
    let mut upgrade = RollupUpgrade::default();
    for row in transaction.open_table(JOBS)?.iter()? {
        let (key, value) = row?;
        let record = JobRow::decode(key.value(), value.value())?.record;
        if let Some(job) = record.figures(&job_key(key.value())?) {
            upgrade.add(&job);
        }
    }
    let mut table = transaction.open_table(ROLLUPS)?;
    let mut rows: Vec<(Vec<u8>, Rollup)> = Vec::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let what = || format!("roll-up under the key {:02x?}", key.value());
        let old: OldRollup = from_postcard(value.value(), what)?;
        let rollup = Rollup {
            jobs_succeeded: old.jobs_succeeded,
            jobs_failed: old.jobs_failed,
            jobs_unknown: old.jobs_unknown,
            duration_us: old.duration_us,
            success_rate_ppb: old.success_rate_ppb,
            durations: old.durations,
            tasks: old.tasks,
            ..Rollup::default()
        };
        rows.push((key.value().to_vec(), rollup));
    }
    for (key, rollup) in rows {
        table.insert(key.as_slice(), to_postcard(&rollup)?.as_slice())?;
    }
    drop(table);
    add(transaction, upgrade.into_changes())
}
