//! Reading jobs, and listing them in their order.

use sqlx::sqlite::Sqlite;
use sqlx::{AssertSqlSafe, QueryBuilder};

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::{Job, JobCursor, JobFilter, JobKey, JobRecord, Result};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::job::{FIGURES, RECORD, figures, record};
use crate::value::Columns;

pub(crate) async fn job(store: &SqliteStore, key: &JobKey) -> Result<Option<JobRecord>> {
    let sql = format!(
        "SELECT {} FROM spark_jobs WHERE app_id = ? AND attempt_id = ? AND job_id = ?",
        RECORD
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(key.app_id.as_str())
        .bind(key.attempt_id.as_str())
        .bind(key.job_id)
        .fetch_optional(&store.readers)
        .await
        .map_err(failed("read a job"))?;
    let record = row.map(|row| record(&mut Columns::new(&row, "spark_jobs")));
    Ok(record.transpose()?.map(|(_, record)| record))
}

pub(crate) async fn jobs(
    store: &SqliteStore,
    filter: &JobFilter,
    after: Option<&JobCursor>,
    limit: usize,
) -> Result<Vec<Job>> {
    let mut query = jobs_query(filter, after, limit);
    let rows = query.build().fetch_all(&store.readers).await.map_err(failed("list jobs"))?;
    rows.iter().map(figures).collect()
}

/// Each kind of filter has an index that ends in the order of the list, and the narrowest is named:
/// without statistics the planner would guess.
fn jobs_query<'a>(
    filter: &'a JobFilter,
    after: Option<&'a JobCursor>,
    limit: usize,
) -> QueryBuilder<Sqlite> {
    let index = match filter {
        JobFilter { app_id: Some(_), .. } => "spark_jobs_by_app",
        JobFilter { user: Some(_), .. } => "spark_jobs_by_user",
        JobFilter { result: Some(_), .. } => "spark_jobs_by_result",
        _ => "spark_jobs_by_end",
    };
    let mut query = QueryBuilder::new(format!(
        "SELECT {} FROM spark_jobs INDEXED BY {index} WHERE source IS NOT NULL",
        FIGURES
    ));
    if let Some(app_id) = &filter.app_id {
        query.push(" AND app_id = ").push_bind(app_id.as_str());
    }
    if let Some(user) = &filter.user {
        query.push(" AND user = ").push_bind(user.as_str());
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
    let from = filter.from.map(|from| from.start().as_micros());
    match after {
        Some(after) if from.is_none_or(|from| from <= after.end.as_micros()) => {
            query.push(" AND (end_us, app_id, attempt_id, job_id) > (");
            query.push_bind(after.end.as_micros());
            query.push(", ").push_bind(after.key.app_id.as_str());
            query.push(", ").push_bind(after.key.attempt_id.as_str());
            query.push(", ").push_bind(after.key.job_id).push(")");
        }
        _ => {
            if let Some(from) = from {
                query.push(" AND end_us >= ").push_bind(from);
            }
        }
    }
    query.push(" ORDER BY end_us, app_id, attempt_id, job_id LIMIT ").push_bind(rows_limit(limit));
    query
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use spark_analytics_core::{Day, Timestamp};

    use spark_analytics_core::JobResult;

    use super::*;

    /// SQLite's plan of a query.
    async fn plan_of(store: &SqliteStore, query: QueryBuilder<Sqlite>) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {}", query.into_string());
        let rows = sqlx::query_as::<_, (i64, i64, i64, String)>(AssertSqlSafe(sql))
            .fetch_all(&store.readers)
            .await
            .unwrap();
        rows.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn every_list_of_jobs_is_read_from_an_index_in_its_order() {
        let store = SqliteStore::in_memory().await.unwrap();
        let day = Day::from_number(19_812);
        let after = JobCursor { end: Timestamp::from_micros(0), key: JobKey::new(1) };
        let all = JobFilter::default();
        let app = all.clone().app("app-1");
        let user = all.clone().user("ada");
        let failed = all.clone().result(JobResult::Failed);
        let row = "(end_us,app_id,attempt_id,job_id)>(?,?,?,?)";
        let cases = [
            (JobFilter::day(day), None, "by_end (end_us>? AND end_us<?)"),
            (JobFilter::day(day), Some(&after), "by_end (end_us>? AND end_us<?)"),
            (all, Some(&after), &format!("by_end ({row})")),
            (app.clone(), None, "by_app (app_id=?)"),
            (app, Some(&after), "by_app (app_id=? AND end_us>?)"),
            (user.clone(), None, "by_user (user=?)"),
            (user, Some(&after), &format!("by_user (user=? AND {row})")),
            (failed.clone(), None, "by_result (result=?)"),
            (failed, Some(&after), &format!("by_result (result=? AND {row})")),
        ];
        for (filter, after, index) in cases {
            assert_eq!(
                plan_of(&store, jobs_query(&filter, after, 10)).await,
                format!("SEARCH spark_jobs USING INDEX spark_jobs_{index}"),
            );
        }
    }
}
