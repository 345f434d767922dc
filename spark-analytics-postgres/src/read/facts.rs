//! Reading parts of the facts of event logs: the application, and rows beside it by the primary keys.

use std::ops::Bound;

use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Postgres, QueryBuilder};

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::log::{LogSnapshot, fact};
use spark_analytics_core::{AttemptKey, Facts, KeyRange, Result};

use crate::PostgresStore;
use crate::error::failed;
use crate::transaction::Transaction;
use crate::value::{Columns, cannot_be_held, until_nul};

/// One snapshot, in which pages are read in the order of the primary key: without statistics, the planner would read all
/// rows of an attempt, and sort them.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off; \
     SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL jit = off";

pub(crate) async fn facts(
    store: &PostgresStore,
    attempt: &AttemptKey,
    facts: &Facts,
    limit: usize,
) -> Result<Option<LogSnapshot>> {
    let AttemptKey { app_id, attempt_id } = attempt;
    if cannot_be_held(&[app_id, attempt_id]) {
        return Ok(None);
    }
    let mut transaction =
        Transaction::begin(&store.pool, BEGIN).await.map_err(failed("begin to read"))?;
    let part = part(&mut transaction, attempt, facts, limit).await?;
    transaction.commit().await.map_err(failed("end reading"))?;
    Ok(part)
}

async fn part(
    connection: &mut PgConnection,
    AttemptKey { app_id, attempt_id }: &AttemptKey,
    facts: &Facts,
    limit: usize,
) -> Result<Option<LogSnapshot>> {
    let row = sqlx::query(
        "SELECT app_no, fact FROM spark_applications WHERE app_id = $1 AND attempt_id = $2",
    )
    .bind(app_id)
    .bind(attempt_id)
    .fetch_optional(&mut *connection)
    .await
    .map_err(failed("find an application"))?;
    let Some(row) = row else { return Ok(None) };
    let mut columns = Columns::new(&row, "spark_applications", 1);
    let app: i64 = columns.get()?;
    let mut part = fact!(LogSnapshot { application: columns.json()? });
    match facts {
        Facts::Application => {}
        Facts::Environment => {
            let row = sqlx::query("SELECT app_no, fact FROM spark_environments WHERE app_no = $1")
                .bind(app)
                .fetch_optional(connection)
                .await
                .map_err(failed("read an environment"))?;
            if let Some(row) = row {
                let mut columns = Columns::new(&row, "spark_environments", 1);
                columns.get::<i64>()?;
                part.environment = Some(columns.environment()?);
            }
        }
        Facts::Jobs(range) => {
            part.jobs = JOBS.page(connection, app, range, limit, put_id).await?;
        }
        Facts::Stages(range) => {
            let put = |query: &mut QueryBuilder<Postgres>, (stage, attempt): &(i64, i64)| {
                query.push_bind(*stage).push(", ").push_bind(*attempt);
            };
            part.stages = STAGES.page(connection, app, range, limit, put).await?;
        }
        Facts::Executors(range) => {
            let put = |query: &mut QueryBuilder<Postgres>, id: &String| {
                query.push_bind(id.clone());
            };
            let range = holdable(range);
            part.executors = EXECUTORS.page(connection, app, &range, limit, put).await?;
        }
        Facts::Sql(range) => {
            part.sql = SQL.page(connection, app, range, limit, put_id).await?;
        }
    }
    Ok(Some(part))
}

fn put_id(query: &mut QueryBuilder<Postgres>, id: &i64) {
    query.push_bind(*id);
}

/// A range of texts with the same texts without U+0000 in it.
fn holdable(range: &KeyRange<String>) -> KeyRange<String> {
    let mut range = range.clone();
    if let Bound::Included(id) | Bound::Excluded(id) = &range.lower
        && cannot_be_held(&[id])
    {
        range.lower = Bound::Excluded(until_nul(id).to_owned());
    }
    if let Bound::Included(id) | Bound::Excluded(id) = &range.upper
        && cannot_be_held(&[id])
    {
        range.upper = Bound::Included(until_nul(id).to_owned());
    }
    range
}

/// A table of facts.
#[derive(Clone, Copy, Debug)]
struct Table {
    name: &'static str,
    fact: &'static str,
    /// The columns of the primary key behind the attempt.
    key: &'static str,
}

/// Jobs that only single events report have no fact.
const JOBS: Table = Table { name: "spark_jobs", fact: "log", key: "job_id" };
const STAGES: Table =
    Table { name: "spark_stages", fact: "fact", key: "stage_id, stage_attempt_id" };
const EXECUTORS: Table = Table { name: "spark_executors", fact: "fact", key: "executor_id" };
const SQL: Table = Table { name: "spark_sql_executions", fact: "fact", key: "execution_id" };

impl Table {
    /// The first facts of an attempt with keys in a range, in its order.
    async fn page<K, T: DeserializeOwned>(
        self,
        connection: &mut PgConnection,
        app: i64,
        range: &KeyRange<K>,
        limit: usize,
        put: impl Fn(&mut QueryBuilder<Postgres>, &K),
    ) -> Result<Vec<T>> {
        let Self { name, fact, key } = self;
        let mut query = QueryBuilder::new("SELECT app_no, ");
        query.push(key).push(", ").push(fact).push(" FROM ").push(name);
        query.push(" WHERE ").push(fact).push(" IS NOT NULL AND app_no = ").push_bind(app);
        for (comparison, bound) in range.comparisons() {
            query.push(" AND (").push(key).push(") ").push(comparison).push(" (");
            put(&mut query, bound);
            query.push(")");
        }
        let columns: Vec<&str> = key.split(", ").collect();
        let descending = if range.is_descending { " DESC" } else { "" };
        let separator = format!("{descending}, ");
        query.push(" ORDER BY ").push(columns.join(&separator)).push(descending);
        query.push(" LIMIT ").push_bind(rows_limit(limit));
        let rows = query
            .build()
            .fetch_all(connection)
            .await
            .map_err(failed("read facts of an application"))?;
        rows.iter().map(|row| self.read(row, columns.len())).collect()
    }

    fn read<T: DeserializeOwned>(self, row: &PgRow, key: usize) -> Result<T> {
        let mut columns = Columns::new(row, self.name, key + 1);
        columns.skip(key + 1);
        columns.json()
    }
}
