//! Reading jobs, and listing them in their order.

use sqlx::sqlite::Sqlite;
use sqlx::{AssertSqlSafe, QueryBuilder};

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::{Job, JobCursor, JobFilter, JobKey, JobOrder, JobRecord, Result};

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
    let index = index_of(filter);
    let mut query = QueryBuilder::new(format!(
        "SELECT {FIGURES} FROM spark_jobs INDEXED BY spark_jobs_{index} WHERE source IS NOT NULL"
    ));
    if let Some(app_id) = &filter.app_id {
        query.push(" AND app_id = ").push_bind(app_id.as_str());
    }
    if let Some(attempt_id) = &filter.attempt_id {
        query.push(" AND attempt_id = ").push_bind(attempt_id.as_str());
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
    let (rank, direction) = match filter.order {
        JobOrder::Oldest => ("end_us", ""),
        JobOrder::Newest => ("end_us", " DESC"),
        JobOrder::Longest => ("duration_us", " DESC"),
    };
    let bounds = [
        (" AND end_us >= ", filter.from.map(|day| day.start()), JobOrder::Oldest),
        (" AND end_us <= ", filter.to.map(|day| day.end()), JobOrder::Newest),
    ];
    for (condition, bound, order) in bounds {
        let Some(bound) = bound else { continue };
        // Where a cursor is the narrower bound, a second one would keep the index from using it.
        let is_beyond = |after: &JobCursor| match order {
            JobOrder::Oldest => bound <= after.end,
            _ => after.end <= bound,
        };
        if !(filter.order == order && after.is_some_and(is_beyond)) {
            query.push(condition).push_bind(bound.as_micros());
        }
    }
    if let Some(after) = after {
        let than = if filter.order.is_descending() { "<" } else { ">" };
        query.push(format_args!(" AND ({rank}, app_id, attempt_id, job_id) {than} ("));
        query.push_bind(after.rank(filter.order));
        query.push(", ").push_bind(after.key.app_id.as_str());
        query.push(", ").push_bind(after.key.attempt_id.as_str());
        query.push(", ").push_bind(after.key.job_id).push(")");
    }
    let columns = [rank, "app_id", "attempt_id", "job_id"];
    query.push(" ORDER BY ").push(columns.map(|name| format!("{name}{direction}")).join(", "));
    query.push(" LIMIT ").push_bind(rows_limit(limit));
    query
}

/// The index that leaves the fewest rows to read. The longest jobs of an application or of some days are
/// sorted as they are read.
fn index_of(filter: &JobFilter) -> &'static str {
    let is_of_days = filter.from.is_some() || filter.to.is_some();
    let by_duration = filter.order == JobOrder::Longest && !is_of_days;
    match filter {
        JobFilter { app_id: Some(_), .. } => "by_app",
        JobFilter { user: Some(_), .. } if by_duration => "by_user_and_duration",
        JobFilter { user: Some(_), .. } => "by_user",
        JobFilter { result: Some(_), .. } if by_duration => "by_result_and_duration",
        JobFilter { result: Some(_), .. } => "by_result",
        _ if by_duration => "by_duration",
        _ => "by_end",
    }
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
        let cursor = |end_us| JobCursor {
            end: Timestamp::from_micros(end_us),
            key: JobKey::new(1),
            duration_us: 7,
        };
        let (early, late) = (cursor(0), cursor(i64::MAX));
        let all = JobFilter::default();
        let app = all.clone().app("app-1");
        let user = all.clone().user("ada");
        let failed = all.clone().result(JobResult::Failed);
        let of_day = JobFilter::day(day);
        let oldest = "(end_us,app_id,attempt_id,job_id)>(?,?,?,?)";
        let newest = "(end_us,app_id,attempt_id,job_id)<(?,?,?,?)";
        let longest = "(duration_us,app_id,attempt_id,job_id)<(?,?,?,?)";
        let cases = [
            (JobOrder::Oldest, &of_day, None, "by_end (end_us>? AND end_us<?)"),
            (JobOrder::Oldest, &of_day, Some(&early), "by_end (end_us>? AND end_us<?)"),
            (JobOrder::Oldest, &all, Some(&early), &format!("by_end ({oldest})")),
            (JobOrder::Oldest, &app, None, "by_app (app_id=?)"),
            (JobOrder::Oldest, &app, Some(&early), "by_app (app_id=? AND end_us>?)"),
            (JobOrder::Oldest, &user, None, "by_user (user=?)"),
            (JobOrder::Oldest, &user, Some(&early), &format!("by_user (user=? AND {oldest})")),
            (JobOrder::Oldest, &failed, None, "by_result (result=?)"),
            (
                JobOrder::Oldest,
                &failed,
                Some(&early),
                &format!("by_result (result=? AND {oldest})"),
            ),
            (JobOrder::Newest, &of_day, None, "by_end (end_us>? AND end_us<?)"),
            (JobOrder::Newest, &of_day, Some(&late), "by_end (end_us>? AND end_us<?)"),
            (JobOrder::Newest, &all, Some(&early), &format!("by_end ({newest})")),
            (JobOrder::Newest, &app, Some(&early), "by_app (app_id=? AND end_us<?)"),
            (JobOrder::Newest, &user, None, "by_user (user=?)"),
            (JobOrder::Newest, &user, Some(&early), &format!("by_user (user=? AND {newest})")),
            (
                JobOrder::Newest,
                &failed,
                Some(&early),
                &format!("by_result (result=? AND {newest})"),
            ),
            (JobOrder::Longest, &all, Some(&early), &format!("by_duration ({longest})")),
            (JobOrder::Longest, &user, None, "by_user_and_duration (user=?)"),
            (
                JobOrder::Longest,
                &user,
                Some(&early),
                &format!("by_user_and_duration (user=? AND {longest})"),
            ),
            (
                JobOrder::Longest,
                &failed,
                Some(&early),
                &format!("by_result_and_duration (result=? AND {longest})"),
            ),
        ];
        for (order, filter, after, index) in cases {
            let filter = filter.clone().order(order);
            assert_eq!(
                plan_of(&store, jobs_query(&filter, after, 10)).await,
                format!("SEARCH spark_jobs USING INDEX spark_jobs_{index}"),
            );
        }
        // Those of an application or of some days are few enough to be sorted.
        for (filter, index) in
            [(&app, "by_app (app_id=?)"), (&of_day, "by_end (end_us>? AND end_us<?)")]
        {
            let filter = filter.clone().order(JobOrder::Longest);
            assert_eq!(
                plan_of(&store, jobs_query(&filter, Some(&early), 10)).await,
                format!(
                    "SEARCH spark_jobs USING INDEX spark_jobs_{index}; USE TEMP B-TREE FOR ORDER BY"
                ),
            );
        }
        let longest = plan_of(&store, jobs_query(&all.order(JobOrder::Longest), None, 10)).await;
        assert_eq!(longest, "SCAN spark_jobs USING INDEX spark_jobs_by_duration");
    }
}
