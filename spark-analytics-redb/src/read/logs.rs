//! Reading the facts of event logs.

use std::ops::Bound;

use redb::ReadTransaction;
use spark_analytics_core::AttemptKey;
use spark_analytics_core::log::{Application, LogSnapshot, LogSource, fact};

use crate::error::Result;
use crate::keys;
use crate::rows::attempt::Rows;
use crate::tables::{APPLICATIONS, ENVIRONMENTS, EXECUTORS, JOBS, LOG_SOURCES, SQL, STAGES};
use crate::value::{decode_source, from_json};

pub(crate) fn applications(
    transaction: &ReadTransaction,
    after: Option<&AttemptKey>,
    limit: usize,
) -> Result<Vec<Application>> {
    let table = transaction.open_table(APPLICATIONS)?;
    let after = after.map(|after| keys::application(&after.app_id, &after.attempt_id));
    let lower = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let rows = table.range::<&[u8]>((lower, Bound::Unbounded))?.take(limit).map(|row| {
        let (key, value) = row?;
        from_json(value.value(), || format!("application under the key {:02x?}", key.value()))
    });
    rows.collect()
}

pub(crate) fn log(
    transaction: &ReadTransaction,
    attempt: &AttemptKey,
) -> Result<Option<LogSnapshot>> {
    let rows = Rows::of(attempt);
    let applications = transaction.open_table(APPLICATIONS)?;
    let Some(row) = applications.get_owned(rows.application.as_slice())? else { return Ok(None) };
    let environments = transaction.open_table(ENVIRONMENTS)?;
    let environment = environments.get_owned(rows.application.as_slice())?;
    let environment = environment.map(|row| rows.environment(row.value())).transpose()?;
    let jobs = transaction.open_table(JOBS)?;
    let jobs = rows
        .jobs(&jobs)?
        .filter_map(|job| job.map(|(_, row)| row.record.log.map(|log| *log)).transpose());
    Ok(Some(fact!(LogSnapshot {
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
    })))
}

/// The recorded source of a log.
pub(crate) fn log_source(
    transaction: &ReadTransaction,
    location: &str,
) -> Result<Option<LogSource>> {
    let table = transaction.open_table(LOG_SOURCES)?;
    let row = table.get_owned(location)?;
    row.map(|row| decode_source(location, row.value())).transpose()
}
