//! What is read, each from one transaction.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable};
use spark_analytics_core::{
    Application, Day, EventCursor, EventId, Job, JobCursor, JobFilter, JobKey, JobRecord,
    LogSnapshot, LogSource, Rejected, Rollup, StoredEvent,
};

use crate::fault::{Fault, Result};
use crate::ingest::missing_event;
use crate::keys;
use crate::log::Rows;
use crate::tables::{
    APPLICATIONS, ENVIRONMENTS, EVENT_IDS, EVENTS, EXECUTORS, JOBS, JOBS_BY_END, JobRow,
    LOG_SOURCES, NOT_A_KEY, REJECTED, ROLLUPS, SQL, STAGES, from_json, job_key, rejected, rollup,
    stored_event,
};

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

/// An application of so many jobs is read whole and put in the order of ends; the jobs of a larger one
/// are looked for in that order among those of others.
const MAX_SORTED_JOBS: usize = 1_024;

/// As [`jobs`], of one application; `None` if it has too many.
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

pub(crate) fn events(
    transaction: &ReadTransaction,
    key: &JobKey,
    after: Option<&EventCursor>,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    let Some(row) = job_row(&transaction.open_table(JOBS)?, key)? else {
        return Ok(Vec::new());
    };
    let ids = transaction.open_table(EVENT_IDS)?;
    let raw = transaction.open_table(EVENTS)?;
    let lower = match after {
        None => keys::events_of(row.number),
        Some(EventCursor { timestamp, event_type, task }) => {
            let id = EventId { timestamp: *timestamp, event_type: *event_type, task };
            keys::event(row.number, &id)
        }
    };
    let upper = keys::events_of(row.number.saturating_add(1));
    let range = (Bound::Excluded(lower.as_slice()), Bound::Excluded(upper.as_slice()));
    let rows = ids.range::<&[u8]>(range)?.take(limit).map(|row| {
        let id = row?.1.value();
        let raw = raw.get(id)?.ok_or_else(|| missing_event(id))?;
        stored_event(id, raw.value())
    });
    rows.collect()
}

pub(crate) fn applications(
    transaction: &ReadTransaction,
    after: Option<(&str, &str)>,
    limit: usize,
) -> Result<Vec<Application>> {
    let table = transaction.open_table(APPLICATIONS)?;
    let after = after.map(|(app_id, attempt_id)| keys::application(app_id, attempt_id));
    let lower = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let rows = table.range::<&[u8]>((lower, Bound::Unbounded))?.take(limit).map(|row| {
        let (key, value) = row?;
        from_json(value.value(), || format!("application under the key {:02x?}", key.value()))
    });
    rows.collect()
}

pub(crate) fn log(
    transaction: &ReadTransaction,
    app_id: &str,
    attempt_id: &str,
) -> Result<Option<LogSnapshot>> {
    let rows = Rows::of(app_id, attempt_id);
    let applications = transaction.open_table(APPLICATIONS)?;
    let Some(row) = applications.get_owned(rows.application.as_slice())? else { return Ok(None) };
    let environments = transaction.open_table(ENVIRONMENTS)?;
    let environment = environments.get_owned(rows.application.as_slice())?;
    let environment = environment.map(|row| rows.environment(row.value())).transpose()?;
    let jobs = transaction.open_table(JOBS)?;
    let jobs = rows
        .jobs(&jobs)?
        .filter_map(|job| job.map(|(_, row)| row.record.log.map(|log| *log)).transpose());
    Ok(Some(LogSnapshot {
        application: from_json(row.value(), || rows.fact("application"))?,
        jobs: jobs.collect::<Result<_>>()?,
        stages: rows.facts(&transaction.open_table(STAGES)?, "stage")?.collect::<Result<_>>()?,
        executors: rows
            .facts(&transaction.open_table(EXECUTORS)?, "executor")?
            .collect::<Result<_>>()?,
        environment,
        sql: rows
            .facts(&transaction.open_table(SQL)?, "execution of SQL")?
            .collect::<Result<_>>()?,
    }))
}

pub(crate) fn rejections(
    transaction: &ReadTransaction,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Rejected>> {
    let table = transaction.open_table(REJECTED)?;
    let upper = before.map_or(Bound::Unbounded, Bound::Excluded);
    let rows = table.range::<i64>((Bound::Unbounded, upper))?.rev().take(limit).map(|row| {
        let (id, value) = row?;
        rejected(id.value(), value.value())
    });
    rows.collect()
}

fn job_row(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &JobKey,
) -> Result<Option<JobRow>> {
    let key = keys::job(key);
    match rows.get(key.as_slice())? {
        Some(row) => JobRow::decode(&key, row.value()).map(Some),
        None => Ok(None),
    }
}

/// What was noted of a log's location.
pub(crate) fn log_source(
    transaction: &ReadTransaction,
    location: &str,
) -> Result<Option<LogSource>> {
    let table = transaction.open_table(LOG_SOURCES)?;
    let row = table.get_owned(location)?;
    row.map(|row| crate::tables::log_source(location, row.value())).transpose()
}
