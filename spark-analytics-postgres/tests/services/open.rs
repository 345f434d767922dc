//! Opening a store, and the errors if that is not possible.

use std::process::{Command, Stdio};

use crate::common::{Schema, job, pool, run, server, whole_job};
use futures::future::join_all;
use spark_analytics_core::{Day, Dedup, Error, IncompatibleCause, JobFilter, Receipt, Store};
use spark_analytics_postgres::{PostgresOptions, PostgresStore};
use sqlx::{Connection, PgConnection};

const BY_TIME: PostgresOptions = PostgresStore::options().dedup(Dedup::JobTypeTimestamp);

/// The error for a URL, and its message with the server's address replaced.
async fn refusal(url: &str) -> (Error, String) {
    let refused = BY_TIME.open(url).await.unwrap_err();
    let server = server();
    let (_, place) = server.split_once('@').unwrap();
    let (place, _) = place.split_once('/').unwrap();
    let message = refused.to_string().replace(place, "HOST:PORT");
    (refused, message)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_stores_that_open_an_empty_schema_together_create_it_once() {
    let schema = Schema::new().await;
    let openers = (0..10).map(|number| {
        let url = schema.url();
        tokio::spawn(async move {
            let options = PostgresStore::options().connections(2);
            let store = options.open(&url).await.unwrap();
            store.ingest(whole_job(number % 5)).await.unwrap();
            store.close().await.unwrap();
        })
    });
    for opener in join_all(openers).await {
        opener.unwrap();
    }
    let store = schema.store().await;
    assert_eq!(store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.jobs(), 5);
    let migrations: i64 = sqlx::query_scalar("SELECT count(*) FROM spark_migrations")
        .fetch_one(&mut schema.beside().await)
        .await
        .unwrap();
    assert_eq!(migrations, 2);
}

#[tokio::test]
#[ignore = "run by ten_processes_that_open_an_empty_schema_together_create_it_once"]
async fn a_process_opens_a_store() {
    let store = PostgresStore::open(&std::env::var("STORE").unwrap()).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
}

#[tokio::test]
async fn ten_processes_that_open_an_empty_schema_together_create_it_once() {
    let schema = Schema::new().await;
    let processes: Vec<_> = (0..10)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "open::a_process_opens_a_store", "--ignored"])
                .env("STORE", schema.url())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let store = schema.store().await;
    assert_eq!(job(&store, 1).await.unwrap().tasks.succeeded, 1);
    assert_eq!(store.jobs(&JobFilter::default(), None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_is_not_opened_with_another_dedup_rule() {
    let schema = Schema::new().await;
    let store = BY_TIME.open(&schema.url()).await.unwrap();
    assert_eq!(store.dedup(), Dedup::JobTypeTimestamp);
    let refused = PostgresStore::open(&schema.url()).await.unwrap_err();
    assert!(
        refused.to_string().ends_with(
            " as `spark` was created with the dedup rule `time` and cannot be opened with `task`: \
             open it with `time`, or use another database"
        ),
        "{refused}"
    );
    let other = Schema::new().await;
    other.store().await;
    let (refused, message) = refusal(&other.url()).await;
    assert!(matches!(refused, Error::Location { .. } | Error::Incompatible { .. }));
    assert_eq!(
        message,
        "the database `postgres` at HOST:PORT as `spark` was created with the dedup rule `task` and \
         cannot be opened with `time`: open it with `task`, or use another database"
    );
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_no_lock_is_kept() {
    let schema = Schema::new().await;
    schema.store().await;
    let newer = "INSERT INTO spark_migrations SELECT 1000, 'later', installed_on, success, \
                 checksum, execution_time FROM spark_migrations WHERE version = 1";
    run(&mut schema.beside().await, newer).await;
    let (refused, message) = refusal(&schema.url()).await;
    assert!(matches!(refused, Error::Location { .. } | Error::Incompatible { .. }));
    assert_eq!(
        message,
        "the database `postgres` at HOST:PORT as `spark` has schema 1000, but this version of spark-analytics supports only up to 2: use the version that wrote it, or a later one"
    );
    // A pool that remains in use after the error must not keep the migrator's lock.
    let shared = pool(2, format!("SET search_path TO {}", schema.0)).await;
    for _ in 0..3 {
        let refused = PostgresStore::from_pool(shared.clone()).await.unwrap_err();
        assert!(refused.to_string().starts_with("the database has schema 1000, "), "{refused}");
    }
    Schema::new().await.store().await;
}

#[tokio::test]
async fn an_invalid_url_is_reported_without_its_password() {
    for url in [
        "postgres://ada:sesame@localhost:many/spark",
        "postgres://ada:sesame@localhost/spark?sslmode=perhaps",
        "postgres://ada:sesame@[::1/spark",
        "ada:sesame@localhost/spark",
        "postgres://ada:sesame%ff@localhost/spark",
        "postgres://ada:12/sesame@localhost/spark",
        "postgres://ada:12#sesame@localhost/spark",
    ] {
        let refused = PostgresStore::open(url).await.unwrap_err();
        assert!(
            matches!(refused, Error::Location { .. } | Error::Incompatible { .. }),
            "{url}: {refused}"
        );
        let message = refused.to_string();
        assert!(
            message.starts_with("cannot read the URL of the PostgreSQL database: "),
            "{message}"
        );
        assert!(
            !message.contains("sesame") && !format!("{refused:?}").contains("sesame"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_unreachable_server_is_named_without_the_password() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = free.local_addr().unwrap();
    drop(free);
    let url = format!("postgres://ada:sesame@{place}/spark");
    let refused = BY_TIME.open(&url).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable { .. }), "{refused}");
    let message = refused.to_string();
    let named = format!("cannot connect to the database `spark` at {place} as `ada`: ");
    assert!(message.contains(&named) && !message.contains("sesame"), "{message}");
}

#[tokio::test]
async fn a_wrong_password_or_database_is_reported_without_the_password() {
    let mut admin = PgConnection::connect(&server()).await.unwrap();
    let role = "DO $$ BEGIN CREATE ROLE with_password LOGIN PASSWORD 'right'; \
                EXCEPTION WHEN duplicate_object THEN END $$";
    run(&mut admin, role).await;
    let wrong = server().replace("spark@", "with_password:sesame@");
    let (refused, message) = refusal(&wrong).await;
    assert!(matches!(refused, Error::Location { .. } | Error::Incompatible { .. }));
    assert_eq!(
        message,
        "cannot connect to the database `postgres` at HOST:PORT as `with_password`: password \
         authentication failed for user \"with_password\" (SQLSTATE 28P01)"
    );
    let missing = server().replace("/postgres", "/nowhere").replace("spark@", "spark:sesame@");
    let (refused, message) = refusal(&missing).await;
    assert!(matches!(refused, Error::Location { .. } | Error::Incompatible { .. }));
    assert_eq!(
        message,
        "cannot connect to the database `nowhere` at HOST:PORT as `spark`: database \
         \"nowhere\" does not exist (SQLSTATE 3D000)"
    );
}

#[tokio::test]
async fn a_store_shows_no_password() {
    let schema = Schema::new().await;
    let store = PostgresStore::open(&schema.url().replace("spark@", "spark:sesame@")).await;
    assert!(!format!("{:?}", store.unwrap()).contains("sesame"));
}

#[tokio::test]
async fn a_pool_is_shared_with_its_owners_tables_and_stays_open() {
    let schema = Schema::new().await;
    let shared = pool(2, format!("SET search_path TO {}", schema.0)).await;
    sqlx::query("CREATE TABLE jobs (name text)").execute(&shared).await.unwrap();
    let store = PostgresStore::from_pool(shared.clone()).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    store.close().await.unwrap();
    sqlx::query("INSERT INTO jobs VALUES ('nightly')").execute(&shared).await.unwrap();
    let store = PostgresStore::from_pool(shared).await.unwrap();
    assert!(job(&store, 1).await.is_some());
}

#[tokio::test]
async fn a_foreign_table_is_not_mistaken_for_the_stores() {
    let schema = Schema::new().await;
    run(&mut schema.beside().await, "CREATE TABLE spark_jobs (name text)").await;
    let shared = pool(1, format!("SET search_path TO {}", schema.0)).await;
    let refused = PostgresStore::from_pool(shared.clone()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the PostgreSQL store failed to create its tables: relation \"spark_jobs\" \
         already exists (SQLSTATE 42P07)"
    );
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
            .fetch_one(&shared)
            .await
            .unwrap();
    assert_eq!(left, 2, "the other's, and the migrator's own");
}

#[tokio::test]
async fn two_schemas_of_one_database_are_separate_stores() {
    let (one, other) = (Schema::new().await, Schema::new().await);
    let (one, other) = (one.store().await, other.store().await);
    one.ingest(whole_job(1)).await.unwrap();
    assert!(job(&other, 1).await.is_none());
    assert_eq!(other.ingest(whole_job(1)).await.unwrap()[0], Receipt::Recorded(1));
    one.prune(Day::from_number(30_000)).await.unwrap();
    assert_eq!(other.ingest(whole_job(2)).await.unwrap()[0], Receipt::Recorded(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_serializable_connections_in_a_schema_with_an_unusual_name_works() {
    let schema = Schema::new().await;
    let name = format!("\"{}; the \"\"Odd\"\" one's\"", schema.0);
    run(&mut schema.beside().await, &format!("CREATE SCHEMA {name}")).await;
    let setting = format!(
        "SET search_path TO {name}; SET default_transaction_isolation = 'serializable'; \
         SET default_transaction_deferrable = on"
    );
    let store = PostgresStore::from_pool(pool(8, setting).await).await.unwrap();
    let writers = (0..60).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            match number % 6 {
                0 => store.prune(Day::from_number(number / 6)).await.map(drop),
                _ => store.ingest(whole_job(i64::from(number) % 7)).await.map(drop),
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap().unwrap();
    }
    assert_eq!(store.rollups(Day::MIN, Day::MAX, None).await.unwrap()[0].1.jobs(), 7);
    let events = store.prune(crate::common::day().next()).await.unwrap().events;
    assert_eq!(events, 21);
}

#[tokio::test]
async fn a_read_only_store_can_be_read() {
    let schema = Schema::new().await;
    schema.store().await.ingest(whole_job(1)).await.unwrap();
    let setting =
        format!("SET search_path TO {}; SET default_transaction_read_only = on", schema.0);
    let store = PostgresStore::from_pool(pool(2, setting).await).await.unwrap();
    assert!(job(&store, 1).await.is_some());
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let store = Schema::new().await.store().await;
    store.close().await.unwrap();
    assert_eq!(
        store.check().await.unwrap_err().to_string(),
        "the PostgreSQL store failed to answer: attempted to acquire a connection on a closed pool"
    );
}

#[tokio::test]
async fn a_store_is_created_once_and_only_an_existing_one_is_opened() {
    let schema = Schema::new().await;
    let missing = PostgresStore::options().open_existing(&schema.url()).await.unwrap_err();
    assert!(missing.to_string().contains("has no store: create it first"), "{missing}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()";
    let tables: i64 =
        sqlx::query_scalar(tables).fetch_one(&mut schema.beside().await).await.unwrap();
    assert_eq!(tables, 0);
    let store = PostgresStore::options().create(&schema.url()).await.unwrap();
    store.ingest(whole_job(1)).await.unwrap();
    store.close().await.unwrap();
    let again = PostgresStore::options().create(&schema.url()).await.unwrap_err();
    assert!(again.to_string().contains("already has a store: open it"), "{again}");
    let store = PostgresStore::options().open_existing(&schema.url()).await.unwrap();
    assert!(job(&store, 1).await.is_some());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_reported_without_waiting_and_with_the_cause() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let asked = std::time::Instant::now();
    let refused = PostgresStore::open(&format!("postgres://ada@{free}/spark")).await.unwrap_err();
    assert!(asked.elapsed().as_secs() < 4);
    assert!(refused.is_retryable());
    assert!(refused.to_string().contains("onnection refused"), "{refused}");
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused() {
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    let base = server().rsplit_once('/').unwrap().0.to_owned();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let name = format!("encoded_{}_{}", encoding.to_lowercase(), std::process::id());
        let create =
            format!("CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0");
        run(&mut connection, &create).await;
        let refused = PostgresStore::open(&format!("{base}/{name}")).await.unwrap_err();
        let is_of_encoding =
            matches!(&refused, Error::Incompatible { cause: IncompatibleCause::Encoding, .. });
        assert!(is_of_encoding && refused.to_string().contains(encoding), "{refused}");
        run(&mut connection, &format!("DROP DATABASE {name}")).await;
    }
    let schema = Schema::new().await;
    let setting = format!("SET search_path TO {}; SET client_encoding TO 'LATIN1'", schema.0);
    let refused = PostgresStore::from_pool(pool(1, setting).await).await.unwrap_err();
    assert!(refused.to_string().contains("client encoding LATIN1"), "{refused}");
}
