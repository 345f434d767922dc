//! Reading and listing jobs.

use sqlx::{AssertSqlSafe, Postgres, QueryBuilder};

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::{
    Job, JobCursor, JobFilter, JobKey, JobOrder, JobRecord, JobResult, Result,
};

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
    let texts = [&filter.user, &filter.app_id, &filter.attempt_id]
        .map(|text| text.as_deref().unwrap_or_default());
    let result = filter.result.as_ref().map_or("", JobResult::name);
    if cannot_be_held(&texts) || cannot_be_held(&[result]) {
        return Ok(Vec::new());
    }
    let mut query = jobs_query(filter, after, limit);
    let rows = query.build().fetch_all(&store.pool).await.map_err(failed("list jobs"))?;
    rows.iter().map(figures).collect()
}

/// Each kind of filter has an index that ends in the end time, and all but that of an application one that ends in the
/// duration; jobs that are equal in it are sorted as they are read.
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
    if let Some(attempt_id) = &filter.attempt_id {
        query.push(" AND attempt_id = ").push_bind(attempt_id.as_str());
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
    let (rank, direction, than) = match filter.order {
        JobOrder::Oldest => ("end_us", "", ">"),
        JobOrder::Newest => ("end_us", " DESC", "<"),
        JobOrder::Longest => ("duration_us", " DESC", "<"),
    };
    if let Some(after) = after {
        // The first condition is the one that an index can serve.
        let at = after.rank(filter.order);
        query.push(format_args!(" AND {rank} {than}= ")).push_bind(at);
        let key = &after.key;
        let texts = [&key.app_id, &key.attempt_id].map(|text| until_nul(text));
        // No stored text equals one with U+0000, so the columns after it cannot matter: it is greater than the text
        // before U+0000, and less than any longer one.
        let (columns, than) = match (texts.map(str::len), filter.order.is_descending()) {
            ([len, _], is_descending) if len < key.app_id.len() => {
                (1, if is_descending { "<=" } else { ">" })
            }
            ([_, len], is_descending) if len < key.attempt_id.len() => {
                (2, if is_descending { "<=" } else { ">" })
            }
            _ => (3, than),
        };
        let names = [rank, "app_id", "attempt_id", "job_id"][..=columns].join(", ");
        query.push(format_args!(" AND ({names}) {than} (")).push_bind(at);
        for text in texts.iter().take(columns) {
            query.push(", ").push_bind(*text);
        }
        if columns == 3 {
            query.push(", ").push_bind(key.job_id);
        }
        query.push(")");
    }
    let columns = [rank, "app_id", "attempt_id", "job_id"];
    query.push(" ORDER BY ").push(columns.map(|name| format!("{name}{direction}")).join(", "));
    query.push(" LIMIT ").push_bind(rows_limit(limit));
    query
}
