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

#[cfg(test)]
mod tests {
    use redb::ReadableDatabase;
    use spark_analytics_core::backend::JobFold;
    use spark_analytics_core::{Event, JobKey, JobRecord, Timestamp};

    use super::*;
    use crate::rows::job::encode_job;

    #[test]
    fn rollups_before_schema_4_are_counted_again() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        // An hour backwards, and without tasks.
        let mut events = JobFold::default();
        events.add(&Event::job_start(1, at(3_600), "ada").expect("valid"));
        events.add(&Event::job_end(1, at(0), "ada", at(0), "JobSucceeded").expect("valid"));
        let (key, record) = (JobKey::new(1), JobRecord { events, log: None });
        let mut expected = Rollup::default();
        expected.add(&record.figures(&key).expect("whole"));
        assert_eq!((expected.impossible_durations, expected.duration_us), (1, 0));
        let durations: Histogram = [-3_600_000_000].into_iter().collect();
        let old = (1i64, 0i64, 0i64, -3_600_000_000i128, 0i128, durations, TaskTotals::default());

        let memory = redb::backends::InMemoryBackend::new();
        let database = redb::Database::builder().create_with_backend(memory).expect("opens");
        let keys = [None, Some("ada")].map(|user| keys::rollup(user, at(0).day()));
        let transaction = database.begin_write().expect("begins");
        {
            let mut jobs = transaction.open_table(JOBS).expect("opens");
            let row = encode_job(0, &record).expect("encodes");
            jobs.insert(keys::job(&key).as_slice(), row.as_slice()).expect("inserts");
            let mut rollups = transaction.open_table(ROLLUPS).expect("opens");
            let row = to_postcard(&old).expect("encodes");
            for key in &keys {
                rollups.insert(key.as_slice(), row.as_slice()).expect("inserts");
            }
        }
        assert!(count_jobs(&transaction).is_ok());
        transaction.commit().expect("commits");
        let rollups = database.begin_read().expect("begins").open_table(ROLLUPS).expect("opens");
        for key in &keys {
            let row = rollups.get(key.as_slice()).expect("reads").expect("exists");
            assert!(matches!(rollup(key, row.value()), Ok(found) if found == expected));
        }
    }
}
