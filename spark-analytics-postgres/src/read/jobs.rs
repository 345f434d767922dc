//! Reading and listing jobs.

use sqlx::{AssertSqlSafe, Postgres, QueryBuilder};

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::{Job, JobCursor, JobFilter, JobKey, JobRecord, JobResult, Result};

use crate::PostgresStore;
use crate::error::failed;
use crate::rows::job::{FIGURES, RECORD, figures, record};
use crate::value::{Columns, cannot_be_held, until_nul};

pub(crate) async fn job(store: &PostgresStore, key: &JobKey) -> Result<Option<JobRecord>> {
    if cannot_be_held(&[&key.app_id, &key.attempt_id]) {
        return Ok(None);
    }
    let sql = format!(
        "SELECT {} FROM spark_jobs WHERE app_no = \
         (SELECT app_no FROM spark_attempts WHERE app_id = $1 AND attempt_id = $2) \
         AND job_id = $3",
        RECORD
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(key.app_id.as_str())
        .bind(key.attempt_id.as_str())
        .bind(key.job_id)
        .fetch_optional(&store.pool)
        .await
        .map_err(failed("read a job"))?;
    let record = row.map(|row| record(&mut Columns::new(&row, "spark_jobs", 2)));
    Ok(record.transpose()?.map(|(_, record)| record))
}

pub(crate) async fn jobs(
    store: &PostgresStore,
    filter: &JobFilter,
    after: Option<&JobCursor>,
    limit: usize,
) -> Result<Vec<Job>> {
    let texts = [&filter.user, &filter.app_id].map(|text| text.as_deref().unwrap_or_default());
    let result = filter.result.as_ref().map_or("", JobResult::name);
    if cannot_be_held(&texts) || cannot_be_held(&[result]) {
        return Ok(Vec::new());
    }
    let mut query = jobs_query(filter, after, limit);
    let rows = query.build().fetch_all(&store.pool).await.map_err(failed("list jobs"))?;
    rows.iter().map(figures).collect()
}

/// Each kind of filter has an index that ends in the end time; jobs with the same end time are sorted as they are
/// read.
fn jobs_query<'a>(
    filter: &'a JobFilter,
    after: Option<&'a JobCursor>,
    limit: usize,
) -> QueryBuilder<Postgres> {
    let mut query =
        QueryBuilder::new(format!("SELECT {} FROM spark_jobs WHERE source IS NOT NULL", FIGURES));
    if let Some(app_id) = &filter.app_id {
        query.push(" AND app_id = ").push_bind(app_id.as_str());
    }
    if let Some(user) = &filter.user {
        query.push(" AND user_name = ").push_bind(user.as_str());
    }
    if let Some(result) = &filter.result {
        query.push(" AND result = ").push_bind(result.name());
    }
    if filter.unknown_result {
        query.push(" AND result NOT IN ('JobSucceeded', 'JobFailed')");
    }
    if let Some(to) = filter.to {
        query.push(" AND end_us <= ").push_bind(to.end().as_micros());
    }
    if let Some(from) = filter.from {
        query.push(" AND end_us >= ").push_bind(from.start().as_micros());
    }
    if let Some(after) = after {
        // The first condition is the one that an index can serve.
        query.push(" AND end_us >= ").push_bind(after.end.as_micros());
        let key = &after.key;
        let texts = [&key.app_id, &key.attempt_id].map(|text| until_nul(text));
        // No stored text equals one with U+0000, so the columns after it cannot matter.
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
