//! The conformance suite on PostgreSQL, with one schema per test.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spark_analytics_conformance::{Fixture, conformance};
use spark_analytics_core::{Dedup, Result, Store};
use spark_analytics_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A schema of the server that the environment names.
#[derive(Debug)]
pub(crate) struct InSchema(String, Dedup);

#[async_trait::async_trait]
impl Fixture for InSchema {
    fn new(dedup: Dedup) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(format!("conformance_{}_{number}", std::process::id()), dedup)
    }

    async fn open(&self) -> Result<Arc<dyn Store>> {
        let server = std::env::var("SPARK_ANALYTICS_TEST_POSTGRES").expect("scripts/with-services");
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = format!("CREATE SCHEMA IF NOT EXISTS {}", self.0);
        sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        let url = format!("{server}?options[search_path]={}", self.0);
        let options = PostgresStore::options().dedup(self.1);
        Ok(Arc::new(options.open(&url).await?))
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }
}

conformance!(schema, super::InSchema);
