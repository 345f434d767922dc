//! Reading parts of the facts of event logs: the application, and rows beside it by the primary keys.

use serde::de::DeserializeOwned;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Sqlite};

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::log::{LogSnapshot, fact};
use spark_analytics_core::{AttemptKey, Facts, KeyRange, Result};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::attempt;
use crate::value::Columns;

pub(crate) async fn facts(
    store: &SqliteStore,
    attempt: &AttemptKey,
    facts: &Facts,
    limit: usize,
) -> Result<Option<LogSnapshot>> {
    let mut transaction = store.readers.begin().await.map_err(failed("begin to read"))?;
    let part = part(&mut transaction, attempt, facts, limit).await?;
    transaction.commit().await.map_err(failed("end reading"))?;
    Ok(part)
}

async fn part(
    connection: &mut SqliteConnection,
    attempt: &AttemptKey,
    facts: &Facts,
    limit: usize,
) -> Result<Option<LogSnapshot>> {
    let one = KeyRange::<i64>::all();
    let rows = APPLICATIONS.page(connection, attempt, &one, 1, |_, _| ()).await?;
    let Some(application) = all(&rows, APPLICATIONS.name)?.pop() else { return Ok(None) };
    let mut part = fact!(LogSnapshot { application });
    match facts {
        Facts::Application => {}
        Facts::Environment => {
            let rows = ENVIRONMENTS.page(connection, attempt, &one, 1, |_, _| ()).await?;
            if let Some(row) = rows.first() {
                let mut columns = Columns::new(row, ENVIRONMENTS.name);
                columns.get::<i64>()?;
                part.environment = Some(columns.environment()?);
            }
        }
        Facts::Jobs(range) => {
            let rows = JOBS.page(connection, attempt, range, limit, put_id).await?;
            part.jobs = all(&rows, JOBS.name)?;
        }
        Facts::Stages(range) => {
            let put = |query: &mut QueryBuilder<Sqlite>, (stage, attempt): &(i64, i64)| {
                query.push_bind(*stage).push(", ").push_bind(*attempt);
            };
            let rows = STAGES.page(connection, attempt, range, limit, put).await?;
            part.stages = all(&rows, STAGES.name)?;
        }
        Facts::Executors(range) => {
            let put = |query: &mut QueryBuilder<Sqlite>, id: &String| {
                query.push_bind(id.clone());
            };
            let rows = EXECUTORS.page(connection, attempt, range, limit, put).await?;
            part.executors = all(&rows, EXECUTORS.name)?;
        }
        Facts::Sql(range) => {
            let rows = SQL.page(connection, attempt, range, limit, put_id).await?;
            part.sql = all(&rows, SQL.name)?;
        }
    }
    Ok(Some(part))
}

fn put_id(query: &mut QueryBuilder<Sqlite>, id: &i64) {
    query.push_bind(*id);
}

fn all<T: DeserializeOwned>(rows: &[SqliteRow], table: &'static str) -> Result<Vec<T>> {
    rows.iter().map(|row| attempt::fact(&mut Columns::new(row, table))).collect()
}

/// A table of facts.
#[derive(Clone, Copy, Debug)]
struct Table {
    name: &'static str,
    /// The row's number and its fact.
    columns: &'static str,
    /// The columns of the primary key behind the attempt.
    key: &'static str,
}

const APPLICATIONS: Table = Table { name: "spark_applications", columns: "rowid, fact", key: "" };
const ENVIRONMENTS: Table = Table { name: "spark_environments", columns: "rowid, fact", key: "" };
/// Jobs that only single events report have no fact.
const JOBS: Table = Table { name: "spark_jobs", columns: "job_no, log", key: "job_id" };
const STAGES: Table =
    Table { name: "spark_stages", columns: "rowid, fact", key: "stage_id, stage_attempt_id" };
const EXECUTORS: Table =
    Table { name: "spark_executors", columns: "rowid, fact", key: "executor_id" };
const SQL: Table =
    Table { name: "spark_sql_executions", columns: "rowid, fact", key: "execution_id" };

impl Table {
    /// The first rows of an attempt with keys in a range, in its order.
    async fn page<K>(
        self,
        connection: &mut SqliteConnection,
        attempt: &AttemptKey,
        range: &KeyRange<K>,
        limit: usize,
        put: impl Fn(&mut QueryBuilder<Sqlite>, &K),
    ) -> Result<Vec<SqliteRow>> {
        let mut query = self.query(attempt, range, limit, put);
        query.build().fetch_all(connection).await.map_err(failed("read facts of an application"))
    }

    fn query<K>(
        self,
        attempt: &AttemptKey,
        range: &KeyRange<K>,
        limit: usize,
        put: impl Fn(&mut QueryBuilder<Sqlite>, &K),
    ) -> QueryBuilder<Sqlite> {
        let Self { name, columns, key } = self;
        let mut query = QueryBuilder::new("SELECT ");
        query.push(columns).push(" FROM ").push(name).push(" WHERE app_id = ");
        query.push_bind(attempt.app_id.clone());
        query.push(" AND attempt_id = ").push_bind(attempt.attempt_id.clone());
        if name == JOBS.name {
            query.push(" AND log IS NOT NULL");
        }
        for (comparison, bound) in range.comparisons() {
            query.push(" AND (").push(key).push(") ").push(comparison).push(" (");
            put(&mut query, bound);
            query.push(")");
        }
        let columns: Vec<&str> = key.split(", ").filter(|column| !column.is_empty()).collect();
        if !columns.is_empty() {
            let descending = if range.is_descending { " DESC" } else { "" };
            let separator = format!("{descending}, ");
            query.push(" ORDER BY ").push(columns.join(&separator)).push(descending);
        }
        query.push(" LIMIT ").push_bind(rows_limit(limit));
        query
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use spark_analytics_core::{Dedup, Store};
    use sqlx::Row;

    use super::*;
    use crate::SqliteOptions;

    /// A plan that searches an index by its first columns and sorts nothing reads no rows but those of the page.
    #[tokio::test]
    async fn pages_are_read_by_an_index_and_not_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::default().dedup(Dedup::WithTask);
        let store = options.open(folder.path().join("a.db")).await.unwrap();
        let attempt = AttemptKey::new("a", "");
        let ids = KeyRange::between(1, 9);
        let stages = KeyRange::between((1, 1), (9, 9));
        let names = KeyRange::between("1".to_owned(), "9".to_owned());
        let put_stage = |query: &mut QueryBuilder<Sqlite>, key: &(i64, i64)| {
            query.push_bind(key.0).push(", ").push_bind(key.1);
        };
        let put_name = |query: &mut QueryBuilder<Sqlite>, name: &String| {
            query.push_bind(name.clone());
        };
        for (query, column) in [
            (JOBS.query(&attempt, &ids, 9, put_id), "job_id"),
            (JOBS.query(&attempt, &ids.clone().descending(), 9, put_id), "job_id"),
            (SQL.query(&attempt, &ids, 9, put_id), "execution_id"),
            (SQL.query(&attempt, &ids.clone().descending(), 9, put_id), "execution_id"),
            (STAGES.query(&attempt, &stages, 9, put_stage), "stage_id"),
            (STAGES.query(&attempt, &stages.clone().descending(), 9, put_stage), "stage_id"),
            (EXECUTORS.query(&attempt, &names, 9, put_name), "executor_id"),
            (EXECUTORS.query(&attempt, &names.clone().descending(), 9, put_name), "executor_id"),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN {}", query.sql().as_str());
            let plan = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&store.readers).await;
            let steps: Vec<String> = plan.unwrap().iter().map(|row| row.get("detail")).collect();
            assert_eq!(steps.len(), 1, "{steps:?}");
            assert!(steps[0].starts_with("SEARCH"), "{steps:?}");
            assert!(steps[0].contains("attempt_id=?"), "{steps:?}");
            assert!(steps[0].contains(column), "{steps:?}");
        }
        store.close().await.unwrap();
    }
}
