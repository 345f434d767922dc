//! Connecting and creating.

use std::fmt;
use std::str::FromStr;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, SqlSafeStr};

use spark_analytics_core::{Dedup, Error, IncompatibleCause, LocationCause, Result};

use crate::PostgresStore;
use crate::error::{Kind, POSTGRES, failed, told};
use crate::options::PostgresOptions;

impl PostgresStore {
    /// Connects to the database of a URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with default
    /// options, and creates the tables that it lacks. Any number of processes may do so at once.
    ///
    /// The URL's parameters are libpq's, such as `sslmode=verify-full`. What it leaves out is taken
    /// from libpq's environment variables, such as `PGPASSWORD`.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if the URL cannot be read, the server refuses the login or has no such database, the tables
    /// were written by a newer version, or were created with another rule; [`Error::Unavailable`] if
    /// the server cannot be reached or has no connection free; [`Error::Engine`] if it fails otherwise.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, PostgresOptions::default()).await
    }

    /// Connects to the database of a URL, see [`connect`](Self::connect).
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with(url: &str, options: PostgresOptions) -> Result<Self> {
        let connect = read(url).map_err(|reason| {
            Error::location(
                LocationCause::Invalid,
                format!(
                    "cannot read the URL of the PostgreSQL database: {reason}; it has the form \
                 postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %XX for special characters"
                ),
            )
        })?;
        let connect = match connect.get_application_name() {
            Some(_) => connect,
            None => connect.application_name("spark-analytics"),
        };
        let name = Name(Some(&connect));
        let pool = PgPoolOptions::new()
            .max_connections(options.connections)
            .acquire_timeout(options.acquire_timeout)
            .connect_with(connect.clone().disable_statement_logging())
            .await
            .map_err(|error| name.refuse(error))?;
        Self::prepared(pool, options.dedup, true, name).await
    }

    /// A store with the default rule in the database of a pool. Its tables, all named `spark_…`, are created in
    /// the schema in which the pool's connections create tables. Closing the store leaves the pool open.
    ///
    /// ```no_run
    /// use spark_analytics_postgres::PostgresStore;
    ///
    /// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = sqlx::PgPool::connect("postgres://ada@localhost/warehouse").await?;
    /// let store = PostgresStore::from_pool(pool.clone()).await?;
    /// # drop(store);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn from_pool(pool: PgPool) -> Result<Self> {
        Self::from_pool_with(pool, Dedup::default()).await
    }

    /// A store in the database of a pool, see [`from_pool`](Self::from_pool).
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn from_pool_with(pool: PgPool, dedup: Dedup) -> Result<Self> {
        Self::prepared(pool, dedup, false, Name(None)).await
    }

    async fn prepared(pool: PgPool, dedup: Dedup, owns_pool: bool, name: Name<'_>) -> Result<Self> {
        let mut connection = pool.acquire().await.map_err(|error| name.refuse(error))?;
        let migrator = migrator();
        if !is_migrated(&mut connection, &migrator).await.map_err(failed("read its schema"))? {
            // The migrator leaves its lock with the connection where it fails or is given up.
            connection.close_on_drop();
            migrate(&mut connection, &migrator, name).await?;
        }
        let (rule, meta) = rule(&mut connection, dedup).await.map_err(failed("read its rule"))?;
        if rule != dedup.name() {
            return Err(Error::incompatible(
                IncompatibleCause::Dedup,
                format!(
                    "{name} was created with the dedup rule `{rule}` and cannot be opened with \
                 `{dedup}`: open it with `{rule}`, or use another database"
                ),
            ));
        }
        drop(connection);
        Ok(Self::new(dedup, pool, owns_pool, meta))
    }
}

/// Reads a URL. One that the driver would take for another's host and database is refused: errors name these,
/// and a part of the password would stand there.
fn read(url: &str) -> std::result::Result<PgConnectOptions, String> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or("it does not begin with postgres://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    if url.contains('#') || path.split('?').next().is_some_and(|database| database.contains('@')) {
        return Err("there is a / before the host, or a #".to_owned());
    }
    PgConnectOptions::from_str(url).map_err(|error| told(&error))
}

fn migrator() -> Migrator {
    let schema = include_str!("../migrations/1_schema.sql").into_sql_str();
    let mut migrator = Migrator::with_migrations(vec![Migration::new(
        1,
        "schema".into(),
        MigrationType::Simple,
        schema,
        false,
    )]);
    // The database may be another program's too, with migrations of its own.
    migrator.dangerous_set_table_name("spark_migrations");
    migrator
}

/// Whether a database has the migrations that are known, and no others.
async fn is_migrated(connection: &mut PgConnection, migrator: &Migrator) -> sqlx::Result<bool> {
    let has_tables: bool = sqlx::query_scalar(
        "SELECT to_regclass('spark_migrations') IS NOT NULL AND to_regclass('spark_meta') IS NOT NULL",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !has_tables {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("SELECT version, checksum, success FROM spark_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let known = migrator.iter().map(|known| (known.version, &*known.checksum, true));
    Ok(known.eq(applied.iter().map(|(version, sum, done)| (*version, sum.as_slice(), *done))))
}

/// The store's rule, `dedup` if it has none yet, and the number of the table that holds it. Two that create
/// the store at once ask for its rule alike, or one of them is refused.
async fn rule(connection: &mut PgConnection, dedup: Dedup) -> sqlx::Result<(String, i64)> {
    let read = "SELECT dedup, 'spark_meta'::regclass::oid::bigint FROM spark_meta";
    // A standby, which nothing can be written to, can be read.
    if let Some(held) = sqlx::query_as(read).fetch_optional(&mut *connection).await? {
        return Ok(held);
    }
    sqlx::query("INSERT INTO spark_meta (dedup) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(dedup.name())
        .execute(&mut *connection)
        .await?;
    sqlx::query_as(read).fetch_one(connection).await
}

/// Brings the schema up to date. The migrator holds a lock of the database meanwhile, so that those who
/// come at once wait and find it done.
async fn migrate(connection: &mut PgConnection, migrator: &Migrator, name: Name<'_>) -> Result<()> {
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => Error::incompatible(
            IncompatibleCause::Schema,
            format!(
                "{name} has schema {version}, and this version of spark-analytics knows {newest}: \
             use the version that wrote it, or a later one"
            ),
        ),
        MigrateError::VersionMismatch(version) => Error::incompatible(
            IncompatibleCause::Schema,
            format!(
                "{name} has another schema {version} than this version of spark-analytics: \
             use the version that wrote it"
            ),
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            failed("create its tables")(error)
        }
        other => Error::engine(POSTGRES, "create its tables", other),
    })
}

/// How errors name the database: never by its password.
#[derive(Clone, Copy)]
struct Name<'a>(Option<&'a PgConnectOptions>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(options) = self.0 else { return f.write_str("the database") };
        let database = options.get_database().unwrap_or(options.get_username());
        write!(
            f,
            "the database `{database}` at {}:{} as `{}`",
            options.get_host(),
            options.get_port(),
            options.get_username()
        )
    }
}

impl Name<'_> {
    fn refuse(self, error: sqlx::Error) -> Error {
        let code = error.as_database_error().and_then(|error| error.code().map(String::from));
        match (Kind::of(&error), code.as_deref()) {
            (Kind::Lost, _) => {
                Error::unavailable(POSTGRES, format!("cannot connect to {self}: {}", told(&error)))
            }
            (Kind::Busy, _) => Error::unavailable(
                POSTGRES,
                format!("cannot connect to {self}: no connection in time; is the server there?"),
            ),
            (_, Some(_)) => Error::location(
                LocationCause::PermissionDenied,
                format!("cannot connect to {self}: {}", told(&error)),
            ),
            _ => failed("connect")(error),
        }
    }
}
