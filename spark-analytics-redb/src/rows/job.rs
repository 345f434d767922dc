//! A job's row.

use redb::{ReadableTable, Table, WriteTransaction};
use spark_analytics_core::backend::{Batch, JobFold, JobWrite};
use spark_analytics_core::{Job, JobKey, JobRecord};

use crate::error::{Fault, Result};
use crate::keys;
use crate::tables::{JOBS, JOBS_BY_DURATION, JOBS_BY_END, State};
use crate::value::{NOT_A_KEY, check_counts, from_json, to_postcard, unwritable};

/// The number of a job, held already or given now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Held(u64),
    New(u64),
}

impl Number {
    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::Held(number) | Self::New(number) => number,
        }
    }
}

/// A job's row.
#[derive(Clone, Debug)]
pub(crate) struct JobRow {
    pub(crate) number: u64,
    pub(crate) record: JobRecord,
}

impl JobRow {
    /// The row of a key that [`keys::job`] made.
    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Self> {
        let what = || match keys::read_job(key) {
            Some(job) => format!("row of {job}"),
            None => format!("row of a job under the key {key:02x?}"),
        };
        let ((number, events), log): ((u64, JobFold), _) =
            postcard::take_from_bytes(value).map_err(|e| Fault::damaged(what(), e))?;
        let log = if log.is_empty() { None } else { Some(from_json(log, what)?) };
        let record = JobRecord { events, log };
        let log_tasks = record.log.as_ref().map(|log| &log.tasks);
        for tasks in [Some(&record.events.tasks), log_tasks].into_iter().flatten() {
            check_counts([tasks.succeeded, tasks.failed, tasks.killed], what)?;
        }
        Ok(Self { number, record })
    }
}

/// A job's row as bytes: number and fold, then the log's facts, if any.
pub(crate) fn encode_job(number: u64, record: &JobRecord) -> Result<Vec<u8>> {
    let mut value = to_postcard(&(number, &record.events))?;
    if let Some(log) = &record.log {
        serde_json::to_writer(&mut value, log).map_err(unwritable)?;
    }
    Ok(value)
}

/// The key of a row of jobs.
pub(crate) fn job_key(key: &[u8]) -> Result<JobKey> {
    keys::read_job(key)
        .ok_or_else(|| Fault::damaged(format!("key of a job, {key:02x?}"), NOT_A_KEY))
}

pub(crate) fn job_row(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &JobKey,
) -> Result<Option<JobRow>> {
    let key = keys::job(key);
    match rows.get(key.as_slice())? {
        Some(row) => JobRow::decode(&key, row.value()).map(Some),
        None => Ok(None),
    }
}

/// The tables of jobs.
pub(crate) struct JobTables<'t> {
    pub(crate) rows: Table<'t, &'static [u8], &'static [u8]>,
    by_end: Table<'t, &'static [u8], ()>,
    by_duration: Table<'t, &'static [u8], ()>,
}

impl<'t> JobTables<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self> {
        Ok(Self {
            rows: transaction.open_table(JOBS)?,
            by_end: transaction.open_table(JOBS_BY_END)?,
            by_duration: transaction.open_table(JOBS_BY_DURATION)?,
        })
    }

    /// The numbers and records of the batch's jobs, in its order. An unknown job gets the next number.
    pub(crate) fn load(
        &self,
        batch: &Batch,
        state: &mut State,
    ) -> Result<(Vec<Number>, Vec<JobRecord>)> {
        let mut wanted: Vec<(Vec<u8>, usize)> =
            batch.jobs().enumerate().map(|(at, job)| (keys::job(job), at)).collect();
        wanted.sort_unstable();
        let mut numbers = vec![Number::New(0); wanted.len()];
        let mut records = vec![JobRecord::default(); wanted.len()];
        for (key, at) in wanted {
            match self.rows.get(key.as_slice())? {
                Some(row) => {
                    let row = JobRow::decode(&key, row.value())?;
                    (numbers[at], records[at]) = (Number::Held(row.number), row.record);
                }
                None => numbers[at] = Number::New(state.take_job_number()),
            }
        }
        Ok((numbers, records))
    }

    /// Writes jobs; `numbers` are by [`JobWrite::index`].
    pub(crate) fn put(&mut self, writes: Vec<JobWrite>, numbers: &[u64]) -> Result<()> {
        let mut rows = Vec::with_capacity(writes.len());
        for write in writes {
            let (before, after) = (write.figures_before.as_ref(), write.figures.as_ref());
            let end = |job: &Job| job.end.as_micros();
            move_place(&mut self.by_end, &write.key, before.map(end), after.map(end))?;
            let duration = Job::duration_us;
            move_place(
                &mut self.by_duration,
                &write.key,
                before.map(duration),
                after.map(duration),
            )?;
            rows.push((keys::job(&write.key), write.index, write.record));
        }
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (key, index, record) in rows {
            if record.is_empty() {
                self.rows.remove(key.as_slice())?;
            } else {
                self.rows
                    .insert(key.as_slice(), encode_job(numbers[index], &record)?.as_slice())?;
            }
        }
        Ok(())
    }
}

/// Moves a job to another place in an order; `None` is not to be in it.
pub(crate) fn move_place(
    order: &mut Table<'_, &'static [u8], ()>,
    key: &JobKey,
    before: Option<i64>,
    after: Option<i64>,
) -> Result<()> {
    if before == after {
        return Ok(());
    }
    if let Some(rank) = before {
        order.remove(keys::ranked_job(rank, key).as_slice())?;
    }
    if let Some(rank) = after {
        order.insert(keys::ranked_job(rank, key).as_slice(), ())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use spark_analytics_core::Rollup;

    use super::*;
    use crate::rows::rollup::rollup;

    #[test]
    fn a_count_below_zero_is_damage() {
        let key = keys::job(&JobKey::new(7));
        let mut record = JobRecord::default();
        record.events.tasks.killed = -1;
        let row = encode_job(1, &record).expect("encodes");
        let damaged = JobRow::decode(&key, &row).expect_err("is refused");
        assert_eq!(
            damaged.during("read").to_string(),
            "the redb store holds a damaged row of job 7: invalid count -1"
        );

        let mut total = Rollup::default();
        total.tasks.failed = -2;
        let row = to_postcard(&total).expect("encodes");
        assert!(matches!(rollup(b"", &row), Err(Fault::Damaged { .. })));
    }
}
