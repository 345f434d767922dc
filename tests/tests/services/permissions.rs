//! Permissions on PostgreSQL that are revoked and granted again.

use std::sync::Arc;

use spark_analytics_conformance::Dump;
use spark_analytics_core::Store;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::contested;
use crate::support::on_file::{holds, whole_job};

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

/// The schema of a URL, and the URL of a new user who may create tables in it.
async fn user(url: &str, connection: &mut PgConnection) -> (String, String) {
    let schema = url.rsplit('=').next().unwrap().to_owned();
    let made = format!("CREATE ROLE {schema} LOGIN; GRANT ALL ON SCHEMA {schema} TO {schema}");
    run(connection, &made).await;
    (schema.clone(), url.replace("spark@", &format!("{schema}@")))
}

#[tokio::test]
async fn a_revoked_privilege_is_reported_stores_nothing_and_works_once_granted_again() {
    let url = contested::schema("rights").await;
    let mut owner = PgConnection::connect(&url).await.unwrap();
    let (schema, url) = user(&url, &mut owner).await;
    let store: Arc<dyn Store> = Arc::new(contested::open(&url).await);
    let mut taken = whole_job(0, 3);
    store.ingest(taken.clone()).await.unwrap();

    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = $1::regnamespace \
         AND relkind IN ('r', 'p', 'S') ORDER BY 1",
    )
    .bind(&schema)
    .fetch_all(&mut owner)
    .await
    .unwrap();
    let rights = tables.iter().flat_map(|table| {
        ["SELECT", "INSERT", "UPDATE", "ALL"].map(|right| format!("{right} ON {table}"))
    });
    let (mut errors, mut jobs) = (Vec::new(), 1..);
    for right in rights.chain([format!("USAGE ON SCHEMA {schema}")]) {
        // Sequences do not have INSERT.
        let revoke = format!("REVOKE {right} FROM {schema}");
        if sqlx::raw_sql(AssertSqlSafe(&*revoke)).execute(&mut owner).await.is_err() {
            continue;
        }
        let batch = whole_job(jobs.next().unwrap(), 3);
        let sent = store.ingest(batch.clone()).await;
        let read = Dump::of(&store).await;
        run(&mut owner, &format!("GRANT {right} TO {schema}")).await;
        for error in [sent.as_ref().err(), read.as_ref().err()].into_iter().flatten() {
            let error = error.to_string();
            assert!(
                error.contains("permission denied for") && error.contains("(SQLSTATE 42501)")
                    || right.contains("SCHEMA") && error.contains("does not exist"),
                "without {right}: {error}"
            );
            errors.push(error);
        }
        if sent.is_err() {
            holds(&store, &taken).await;
            assert_eq!(store.ingest(batch.clone()).await.unwrap().len(), batch.len());
        }
        taken.extend(batch);
        holds(&store, &taken).await;
    }
    for table in ["spark_jobs", "spark_events", "spark_rollups", "spark_meta", "spark_event_ids"] {
        assert!(errors.iter().any(|error| error.contains(table)), "{table} is not in {errors:#?}");
    }
}

#[tokio::test]
async fn a_user_whose_transactions_are_read_only_by_default_can_write() {
    let url = contested::schema("read_only").await;
    let mut owner = PgConnection::connect(&url).await.unwrap();
    let (schema, url) = user(&url, &mut owner).await;
    contested::open(&url).await.close().await.unwrap();
    run(&mut owner, &format!("ALTER ROLE {schema} SET default_transaction_read_only = on")).await;
    let store: Arc<dyn Store> = Arc::new(contested::open(&url).await);
    store.ingest(whole_job(1, 3)).await.unwrap();
    holds(&store, &whole_job(1, 3)).await;
}
