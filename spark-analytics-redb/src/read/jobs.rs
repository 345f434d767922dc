//! Reading jobs, and listing them in their order.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable};
use spark_analytics_core::{Job, JobCursor, JobFilter, JobKey, JobRecord};

use crate::error::{Fault, Result};
use crate::keys;
use crate::rows::job::{JobRow, job_key, job_row};
use crate::tables::{JOBS, JOBS_BY_END};
use crate::value::NOT_A_KEY;

pub(crate) fn job(transaction: &ReadTransaction, key: &JobKey) -> Result<Option<JobRecord>> {
    let rows = transaction.open_table(JOBS)?;
    Ok(job_row(&rows, key)?.map(|row| row.record))
}

pub(crate) fn jobs(
    transaction: &ReadTransaction,
    filter: &JobFilter,
    after: Option<&JobCursor>,
    limit: usize,
) -> Result<Vec<Job>> {
    let rows = transaction.open_table(JOBS)?;
    if let Some(app_id) = &filter.app_id
        && let Some(jobs) = jobs_of_app(&rows, app_id, filter, after, limit)?
    {
        return Ok(jobs);
    }
    let by_end = transaction.open_table(JOBS_BY_END)?;
    let after = after.map(keys::job_by_end);
    let from = filter.from.map(|day| keys::ends_from(day.start()));
    let lower = match (&after, &from) {
        (Some(after), Some(from)) if after < from => Bound::Included(from),
        (Some(after), _) => Bound::Excluded(after),
        (None, Some(from)) => Bound::Included(from),
        (None, None) => Bound::Unbounded,
    };
    let lower = lower.map(Vec::as_slice);
    let mut jobs = Vec::new();
    for row in by_end.range::<&[u8]>((lower, Bound::Unbounded))? {
        if jobs.len() >= limit {
            break;
        }
        let key = row?.0;
        let cursor = keys::read_job_by_end(key.value());
        let cursor = cursor.ok_or_else(|| {
            Fault::damaged(format!("key in the order of ends, {:02x?}", key.value()), NOT_A_KEY)
        })?;
        if filter.to.is_some_and(|to| to < cursor.end.day()) {
            break;
        }
        if filter.app_id.as_ref().is_some_and(|app_id| *app_id != cursor.key.app_id) {
            continue;
        }
        let row = job_row(&rows, &cursor.key)?;
        let job = row.and_then(|row| row.record.figures(&cursor.key)).ok_or_else(|| {
            Fault::damaged(format!("row of {}", cursor.key), "it is listed but has no figures")
        })?;
        if filter.matches(&job) {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

/// An application with at most this many jobs is read as a whole and sorted by end; the jobs of a larger one are
/// searched in the order of ends among those of other applications.
const MAX_SORTED_JOBS: usize = 1_024;

/// As [`jobs`], for one application; `None` if it has too many jobs.
fn jobs_of_app(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    app_id: &str,
    filter: &JobFilter,
    after: Option<&JobCursor>,
    limit: usize,
) -> Result<Option<Vec<Job>>> {
    let (from, to) = keys::attempts(app_id);
    let mut jobs = BTreeMap::new();
    for (count, row) in rows.range::<&[u8]>(from.as_slice()..to.as_slice())?.enumerate() {
        if count >= MAX_SORTED_JOBS {
            return Ok(None);
        }
        let (key, value) = row?;
        let row = JobRow::decode(key.value(), value.value())?;
        let Some(job) = row.record.figures(&job_key(key.value())?) else { continue };
        let cursor = JobCursor::from(&job);
        if filter.matches(&job) && after.is_none_or(|after| *after < cursor) {
            jobs.insert(cursor, job);
        }
    }
    Ok(Some(jobs.into_values().take(limit).collect()))
}
