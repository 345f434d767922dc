//! A process that writes to PostgreSQL is killed at random moments, sometimes together with the server, and nothing
//! acknowledged is lost.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spark_analytics_core::Store;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::contested;
use crate::support::killed::{Storage, life::live, loses_nothing};
use crate::support::random::Random;
use crate::{Server, control};

/// A schema on the server that the environment names. The sessions of its processes carry its name.
struct InPostgres(String);

fn name(place: &str) -> &str {
    place.rsplit('=').next().unwrap()
}

async fn connect(place: &str) -> PgConnection {
    let server = place.split('?').next().unwrap();
    let url = format!("{server}?options[search_path]={}", name(place));
    PgConnection::connect(&url).await.unwrap()
}

impl Storage for InPostgres {
    const HAS_SERVER: bool = true;
    async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let url = contested::schema(&format!("kill_{number}")).await;
        let name = name(&url).to_owned();
        Self(format!("{url}&application_name={name}"))
    }

    fn place(&self) -> String {
        self.0.clone()
    }

    async fn open(place: &str, _life: u64) -> Arc<dyn Store> {
        Arc::new(contested::open(place).await)
    }

    /// The schema itself, once the server has noticed that the process has ended: until then it may still execute its last
    /// statement.
    async fn left(&self) -> Option<Self> {
        let mut connection = connect(&self.0).await;
        for _ in 0..4_000 {
            let sessions: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1",
            )
            .bind(name(&self.0))
            .fetch_one(&mut connection)
            .await
            .unwrap();
            if sessions == 0 {
                return Some(Self(self.0.clone()));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the server keeps the sessions of a killed process");
    }

    async fn check_integrity(&self) {
        let mut connection = connect(&self.0).await;
        for check in [
            "CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public",
            "SELECT public.bt_index_check(i.indexrelid, true) FROM pg_index i \
             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam \
             WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace",
            "DO $$ DECLARE found text; BEGIN \
             SELECT string_agg(c.relname || ': ' || v.msg, '; ') INTO found \
             FROM pg_class c, LATERAL public.verify_heapam(c.oid) v \
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace; \
             IF found IS NOT NULL THEN RAISE EXCEPTION '%', found; END IF; END $$",
        ] {
            sqlx::raw_sql(AssertSqlSafe(check)).execute(&mut connection).await.unwrap();
        }
    }

    async fn kill(&self, process: &mut Child, random: &mut Random) {
        let takes_server_along = random.below(5) == 0;
        if takes_server_along {
            control("kill");
        }
        process.kill().unwrap();
        if takes_server_along {
            control("start");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run and killed by nothing_acknowledged_is_lost_on_postgres"]
async fn a_life_on_postgres() {
    live::<InPostgres>().await;
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_on_postgres() {
    let _alone = Server::alone().await;
    loses_nothing::<InPostgres>("kill::a_life_on_postgres").await;
}
