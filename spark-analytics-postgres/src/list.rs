//! Reading jobs, roll-ups and events, by their keys and in their orders.

use sqlx::{AssertSqlSafe, Postgres, QueryBuilder};

use spark_analytics_core::{
    Day, EventCursor, Job, JobCursor, JobFilter, JobKey, JobRecord, JobResult, Result, Rollup,
    StoredEvent,
};

use crate::PostgresStore;
use crate::columns::Columns;
use crate::event_row::stored_event;
use crate::failure::failed;
use crate::{job_row, rollup_row};

impl PostgresStore {
    pub(crate) async fn read_job(&self, key: &JobKey) -> Result<Option<JobRecord>> {
        if cannot_be_held(&[&key.app_id, &key.attempt_id]) {
            return Ok(None);
        }
        let sql = format!(
            "SELECT {} FROM spark_jobs WHERE app_no = \
             (SELECT app_no FROM spark_attempts WHERE app_id = $1 AND attempt_id = $2) \
             AND job_id = $3",
            job_row::RECORD
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(key.app_id.as_str())
            .bind(key.attempt_id.as_str())
            .bind(key.job_id)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read a job"))?;
        let record = row.map(|row| job_row::record(&mut Columns::new(&row, "spark_jobs", 2)));
        Ok(record.transpose()?.map(|(_, record)| record))
    }

    pub(crate) async fn list_jobs(
        &self,
        filter: &JobFilter,
        after: Option<&JobCursor>,
        limit: usize,
    ) -> Result<Vec<Job>> {
        // A stored result of Spark's own names is never read as an unknown one.
        let texts = [&filter.user, &filter.app_id].map(|text| text.as_deref().unwrap_or_default());
        let result = filter.result.as_ref().map_or("", JobResult::name);
        let has_twin = |result: &JobResult| JobResult::from_name(result.name()) != *result;
        if filter.result.as_ref().is_some_and(has_twin)
            || cannot_be_held(&texts)
            || cannot_be_held(&[result])
        {
            return Ok(Vec::new());
        }
        let mut query = jobs_query(filter, after, limit);
        let rows = query.build().fetch_all(&self.pool).await.map_err(failed("list jobs"))?;
        rows.iter().map(job_row::figures).collect()
    }

    pub(crate) async fn list_rollups(
        &self,
        from: Day,
        to: Day,
        user: Option<&str>,
    ) -> Result<Vec<(Day, Rollup)>> {
        if cannot_be_held(&[user.unwrap_or_default()]) {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT day, slot, {} FROM spark_rollups \
             WHERE of_all = $1 AND user_name = $2 AND day BETWEEN $3 AND $4",
            rollup_row::FIGURES
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.is_none())
            .bind(user.unwrap_or_default())
            .bind(from.number())
            .bind(to.number())
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read roll-ups"))?;
        let slots = rows.iter().map(|row| {
            let mut columns = Columns::new(row, "spark_rollups", 2);
            let (day, _slot): (i32, i16) = (columns.get()?, columns.get()?);
            Ok((Day::from_number(day), rollup_row::rollup(&mut columns)?))
        });
        rollup_row::days(slots, user)
    }

    pub(crate) async fn list_events(
        &self,
        key: &JobKey,
        after: Option<&EventCursor>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        if cannot_be_held(&[&key.app_id, &key.attempt_id]) {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::new(
            "SELECT app_no, job_id, id, raw FROM spark_events WHERE app_no = \
             (SELECT app_no FROM spark_attempts WHERE app_id = ",
        );
        query.push_bind(key.app_id.as_str());
        query.push(" AND attempt_id = ").push_bind(key.attempt_id.as_str());
        query.push(") AND job_id = ").push_bind(key.job_id);
        if let Some(after) = after {
            query.push(" AND (time_us, type, task_key) > (");
            query.push_bind(after.timestamp.as_micros());
            query.push(", ").push_bind(i16::from(after.event_type.code()));
            query.push(", ").push_bind(until_nul(&after.task)).push(")");
        }
        query.push(" ORDER BY time_us, type, task_key LIMIT ").push_bind(rows_limit(limit));
        let rows = query.build().fetch_all(&self.pool).await.map_err(failed("list events"))?;
        rows.iter().map(|row| stored_event(&mut Columns::new(row, "spark_events", 3))).collect()
    }
}

/// Each kind of filter has an index that ends in the time of the end; jobs that ended at once are sorted as
/// they come.
fn jobs_query<'a>(
    filter: &'a JobFilter,
    after: Option<&'a JobCursor>,
    limit: usize,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(format!(
        "SELECT {} FROM spark_jobs WHERE source IS NOT NULL",
        job_row::FIGURES
    ));
    if let Some(app_id) = &filter.app_id {
        query.push(" AND app_id = ").push_bind(app_id.as_str());
    }
    if let Some(user) = &filter.user {
        query.push(" AND user_name = ").push_bind(user.as_str());
    }
    if let Some(result) = &filter.result {
        query.push(" AND result = ").push_bind(result.name());
    }
    if let Some(to) = filter.to {
        query.push(" AND end_us <= ").push_bind(to.end().as_micros());
    }
    if let Some(from) = filter.from {
        query.push(" AND end_us >= ").push_bind(from.start().as_micros());
    }
    if let Some(after) = after {
        // The first condition is what an index is searched by.
        query.push(" AND end_us >= ").push_bind(after.end.as_micros());
        let key = &after.key;
        let texts = [&key.app_id, &key.attempt_id].map(|text| until_nul(text));
        // Nothing that is held is equal to a text with U+0000, so that what follows it decides nothing.
        let columns = match texts.map(str::len) {
            [len, _] if len < key.app_id.len() => "end_us, app_id",
            [_, len] if len < key.attempt_id.len() => "end_us, app_id, attempt_id",
            _ => "end_us, app_id, attempt_id, job_id",
        };
        query.push(format_args!(" AND ({columns}) > (")).push_bind(after.end.as_micros());
        for text in &texts[..columns.matches("_id").count().min(2)] {
            query.push(", ").push_bind(*text);
        }
        if columns.ends_with("job_id") {
            query.push(", ").push_bind(key.job_id);
        }
        query.push(")");
    }
    query.push(" ORDER BY end_us, app_id, attempt_id, job_id LIMIT ").push_bind(rows_limit(limit));
    query
}

/// Whether nothing can be found by some of the texts: PostgreSQL's have no U+0000, nor has anything held.
pub(crate) fn cannot_be_held(texts: &[&str]) -> bool {
    texts.iter().any(|text| text.contains('\0'))
}

/// A text up to U+0000: what is held, which has none, comes after the one where it comes after the other.
pub(crate) fn until_nul(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

pub(crate) fn rows_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
