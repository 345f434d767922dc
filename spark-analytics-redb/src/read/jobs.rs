//! Reading jobs, and listing them in their order.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable};
use spark_analytics_core::{Job, JobCursor, JobFilter, JobKey, JobOrder, JobRecord};

use crate::error::{Fault, Result};
use crate::keys;
use crate::rows::job::{JobRow, job_key, job_row};
use crate::tables::{JOBS, JOBS_BY_DURATION, JOBS_BY_END};
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
    let order = filter.order;
    let (table, is_by_end) = match order {
        JobOrder::Oldest | JobOrder::Newest => (JOBS_BY_END, true),
        JobOrder::Longest => (JOBS_BY_DURATION, false),
    };
    let places = transaction.open_table(table)?;
    let after = after.map(|after| keys::ranked_job(after.rank(order), &after.key));
    let from =
        filter.from.filter(|_| is_by_end).map(|day| keys::ranks_from(day.start().as_micros()));
    let past = filter.to.filter(|_| is_by_end).and_then(|day| day.end().as_micros().checked_add(1));
    let past = past.map(keys::ranks_from);
    let (mut lower, mut upper) = (from.as_deref(), past.as_deref());
    let mut is_after = false;
    match (after.as_deref(), order.is_descending()) {
        (Some(after), false) if lower.is_none_or(|lower| lower <= after) => {
            (lower, is_after) = (Some(after), true);
        }
        (Some(after), true) if upper.is_none_or(|upper| after <= upper) => upper = Some(after),
        _ => {}
    }
    if lower.zip(upper).is_some_and(|(lower, upper)| lower >= upper) {
        return Ok(Vec::new());
    }
    let lower = match lower {
        Some(lower) if is_after => Bound::Excluded(lower),
        Some(lower) => Bound::Included(lower),
        None => Bound::Unbounded,
    };
    let range = places.range::<&[u8]>((lower, upper.map_or(Bound::Unbounded, Bound::Excluded)))?;
    let range: Box<dyn Iterator<Item = _>> =
        if order.is_descending() { Box::new(range.rev()) } else { Box::new(range) };
    let mut jobs = Vec::new();
    for row in range {
        if jobs.len() >= limit {
            break;
        }
        let place = row?.0;
        let (_, key) = keys::read_ranked_job(place.value()).ok_or_else(|| {
            Fault::damaged(format!("key in an order of jobs, {:02x?}", place.value()), NOT_A_KEY)
        })?;
        if filter.app_id.as_ref().is_some_and(|app_id| *app_id != key.app_id) {
            continue;
        }
        let row = job_row(&rows, &key)?;
        let job = row.and_then(|row| row.record.figures(&key)).ok_or_else(|| {
            Fault::damaged(format!("row of {key}"), "it is listed but has no figures")
        })?;
        if filter.matches(&job) {
            jobs.push(job);
        }
    }
    Ok(jobs)
}

/// An application with at most this many jobs is read as a whole and sorted; the jobs of a larger one are searched in
/// the order of all jobs.
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
    let mut jobs = Vec::new();
    for (count, row) in rows.range::<&[u8]>(from.as_slice()..to.as_slice())?.enumerate() {
        if count >= MAX_SORTED_JOBS {
            return Ok(None);
        }
        let (key, value) = row?;
        let row = JobRow::decode(key.value(), value.value())?;
        let Some(job) = row.record.figures(&job_key(key.value())?) else { continue };
        let cursor = JobCursor::from(&job);
        let is_after = |after: &JobCursor| filter.order.compare(after, &cursor).is_lt();
        if filter.matches(&job) && after.is_none_or(is_after) {
            jobs.push((cursor, job));
        }
    }
    jobs.sort_unstable_by(|(one, _), (other, _)| filter.order.compare(one, other));
    Ok(Some(jobs.into_iter().take(limit).map(|(_, job)| job).collect()))
}
