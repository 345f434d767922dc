//! Connecting to a database, and creating the tables.

use std::fmt;
use std::str::FromStr;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};
use tokio::time::timeout;

use spark_analytics_core::backend::{newer_schema, other_dedup, other_schema};
use spark_analytics_core::{Dedup, Error, IncompatibleCause, LocationCause, Result};

use crate::PostgresStore;
use crate::error::{Kind, POSTGRES, failed, message};
use crate::options::PostgresOptions;

impl PostgresStore {
    /// Opens the store in the database of a URL, or creates it, with default options; see [`PostgresOptions::open`].
    ///
    /// # Errors
    /// As [`PostgresOptions::open`].
    pub async fn open(url: &str) -> Result<Self> {
        Self::options().open(url).await
    }

    /// The default options, to be changed with the builder's methods.
    pub const fn options() -> PostgresOptions {
        PostgresOptions::DEFAULT
    }

    /// Opens a store in the database of a pool with default options, see [`PostgresOptions::open_pool`].
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
    /// As [`PostgresOptions::open`].
    pub async fn from_pool(pool: PgPool) -> Result<Self> {
        Self::options().open_pool(pool).await
    }
}

/// Whether the tables must or must not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Either,
    New,
    Existing,
}

impl PostgresOptions {
    /// Opens the store in the database of a URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, and creates the tables that
    /// it lacks. Any number of processes may do so at the same time.
    ///
    /// The URL's parameters are those of libpq, such as `sslmode=verify-full`. What the URL leaves out is taken from libpq's
    /// environment variables, such as `PGPASSWORD`.
    ///
    /// # Errors
    /// [`Error::Location`] if the URL is invalid, or the server refuses the login or has no such database;
    /// [`Error::Incompatible`] if the tables were written by a newer version or created with another dedup rule;
    /// [`Error::Unavailable`] if the server cannot be reached or has no free connection; [`Error::Engine`] if it fails
    /// otherwise.
    pub async fn open(self, url: &str) -> Result<PostgresStore> {
        self.open_url(url, Expected::Either).await
    }

    /// Creates a store in a database, or a schema of it, that has none.
    ///
    /// # Errors
    /// [`Error::Location`] if there is a store already, otherwise as [`open`](Self::open).
    pub async fn create(self, url: &str) -> Result<PostgresStore> {
        self.open_url(url, Expected::New).await
    }

    /// Opens a store that exists, and brings its tables up to date.
    ///
    /// # Errors
    /// [`Error::Location`] if there is no store, otherwise as [`open`](Self::open).
    pub async fn open_existing(self, url: &str) -> Result<PostgresStore> {
        self.open_url(url, Expected::Existing).await
    }

    /// Opens a store in the database of a pool, or creates it. Its tables, whose names all begin with `spark_`, are created
    /// in the schema in which the pool's connections create tables. Closing the store leaves the pool open.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_pool(self, pool: PgPool) -> Result<PostgresStore> {
        self.prepare(pool, false, Name(None), Expected::Either).await
    }

    async fn open_url(self, url: &str, expected: Expected) -> Result<PostgresStore> {
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
        // A pool would try for the whole timeout, and then not say why it failed.
        let first = timeout(self.acquire_timeout, connect.connect()).await;
        let first = first.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        first
            .map_err(|error| name.refuse(error))?
            .close()
            .await
            .map_err(|error| name.refuse(error))?;
        let pool = PgPoolOptions::new()
            .max_connections(self.connections)
            .acquire_timeout(self.acquire_timeout)
            .connect_with(connect.clone().disable_statement_logging())
            .await
            .map_err(|error| name.refuse(error))?;
        self.prepare(pool, true, name, expected).await
    }

    async fn prepare(
        self,
        pool: PgPool,
        owns_pool: bool,
        name: Name<'_>,
        expected: Expected,
    ) -> Result<PostgresStore> {
        let dedup = self.dedup;
        let mut connection = pool.acquire().await.map_err(|error| name.refuse(error))?;
        check_encodings(&mut connection, name).await?;
        if expected != Expected::Either {
            let has_store = has_tables(&mut connection).await.map_err(failed("read its schema"))?;
            name.check(expected, has_store)?;
        }
        let migrator = migrator();
        if !is_migrated(&mut connection, &migrator).await.map_err(failed("read its schema"))? {
            // If the migrator fails or is dropped, its lock stays with the connection, which is therefore closed.
            connection.close_on_drop();
            migrate(&mut connection, &migrator, name).await?;
        }
        let rule = rule(&mut connection, dedup).await.map_err(failed("read its rule"))?;
        if expected == Expected::New {
            // Of several processes that create a store at the same time, only one succeeds.
            name.check(expected, !rule.is_new)?;
        }
        let meta = rule.meta;
        if rule.rule != dedup.name() {
            return Err(other_dedup(name, &rule.rule, dedup, "database"));
        }
        drop(connection);
        let store = PostgresStore::new(dedup, pool, owns_pool, meta);
        if rule.lacks_counts {
            store.count_jobs().await?;
        }
        Ok(store)
    }
}

/// Parses a URL. A URL whose host and database the driver would misread is rejected: errors include these two, and
/// could then contain a part of the password.
fn read(url: &str) -> std::result::Result<PgConnectOptions, String> {
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
    let rest = rest.ok_or("it does not begin with postgres://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    if url.contains('#') || path.split('?').next().is_some_and(|database| database.contains('@')) {
        return Err("there is a / before the host, or a #".to_owned());
    }
    PgConnectOptions::from_str(url).map_err(|error| message(&error))
}

fn migrator() -> Migrator {
    let migration = |version, description: &'static str, sql: &'static str| {
        let sql = sql.into_sql_str();
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    };
    let mut migrator = Migrator::with_migrations(vec![
        migration(1, "schema", include_str!("../migrations/1_schema.sql")),
        migration(
            2,
            "removed attempts, counted rollups, orders of jobs",
            include_str!("../migrations/2_removed_attempts_counted_rollups_orders.sql"),
        ),
    ]);
    // Other programs may use the same database, with their own migrations.
    migrator.dangerous_set_table_name("spark_migrations");
    migrator
}

/// In other encodings than UTF-8 a database refuses some events for good, and with SQL_ASCII it checks none.
async fn check_encodings(connection: &mut PgConnection, name: Name<'_>) -> Result<()> {
    let (of_server, of_client): (String, String) = sqlx::query_as(
        "SELECT current_setting('server_encoding'), current_setting('client_encoding')",
    )
    .fetch_one(connection)
    .await
    .map_err(failed("read its encoding"))?;
    if of_server != "UTF8" {
        let reason = format!(
            "{name} has the encoding {of_server}, in which not every text can be stored: use a database that was \
             created with ENCODING 'UTF8' (and TEMPLATE template0); pg_dump and pg_restore move what there is"
        );
        return Err(Error::incompatible(IncompatibleCause::Encoding, reason));
    }
    if of_client != "UTF8" {
        let reason = format!(
            "connections to {name} have the client encoding {of_client}: remove `client_encoding` from the settings of the \
             user, the database or the pool"
        );
        return Err(Error::incompatible(IncompatibleCause::Encoding, reason));
    }
    Ok(())
}

async fn has_tables(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar(
        "SELECT to_regclass('spark_migrations') IS NOT NULL AND to_regclass('spark_meta') IS NOT NULL",
    )
    .fetch_one(connection)
    .await
}

/// Whether a database has exactly the known migrations.
async fn is_migrated(connection: &mut PgConnection, migrator: &Migrator) -> sqlx::Result<bool> {
    if !has_tables(connection).await? {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("SELECT version, checksum, success FROM spark_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let known = migrator.iter().map(|known| (known.version, &*known.checksum, true));
    Ok(known.eq(applied.iter().map(|(version, sum, done)| (*version, sum.as_slice(), *done))))
}

/// A store's dedup rule, and the number of the table that holds it.
struct Rule {
    rule: String,
    meta: i64,
    /// Whether this call has set it.
    is_new: bool,
    /// Whether roll-ups of an earlier version lack counts.
    lacks_counts: bool,
}

/// Reads the store's rule, or sets it to `dedup` if it has none yet. If several create the store at the same time with
/// different rules, the first one's counts.
async fn rule(connection: &mut PgConnection, dedup: Dedup) -> sqlx::Result<Rule> {
    let read =
        "SELECT dedup, 'spark_meta'::regclass::oid::bigint, rollups_lack_counts FROM spark_meta";
    // A standby is read-only, but it can be read.
    if let Some((rule, meta, lacks_counts)) =
        sqlx::query_as(read).fetch_optional(&mut *connection).await?
    {
        return Ok(Rule { rule, meta, is_new: false, lacks_counts });
    }
    let set = sqlx::query("INSERT INTO spark_meta (dedup) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(dedup.name())
        .execute(&mut *connection)
        .await?;
    let (rule, meta, lacks_counts) = sqlx::query_as(read).fetch_one(connection).await?;
    Ok(Rule { rule, meta, is_new: set.rows_affected() > 0, lacks_counts })
}

/// Brings the schema up to date. The migrator holds a lock of the database meanwhile, so other processes that open the
/// store at the same time wait and then have nothing to do.
async fn migrate(connection: &mut PgConnection, migrator: &Migrator, name: Name<'_>) -> Result<()> {
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => newer_schema(name, version, newest),
        MigrateError::VersionMismatch(version) => other_schema(name, version),
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
    fn check(self, expected: Expected, has_store: bool) -> Result<()> {
        match (expected, has_store) {
            (Expected::New, true) => Err(Error::location(
                LocationCause::AlreadyExists,
                format!("{self} already has a store: open it, or give another database or schema"),
            )),
            (Expected::Existing, false) => Err(Error::location(
                LocationCause::NotFound,
                format!("{self} has no store: create it first, or give another database or schema"),
            )),
            _ => Ok(()),
        }
    }

    fn refuse(self, error: sqlx::Error) -> Error {
        let code = error.as_database_error().and_then(|error| error.code().map(String::from));
        match (Kind::of(&error), code.as_deref()) {
            (Kind::Lost, _) => Error::unavailable(
                POSTGRES,
                format!("cannot connect to {self}: {}", message(&error)),
            ),
            (Kind::Busy, _) => Error::unavailable(
                POSTGRES,
                format!("cannot connect to {self}: no connection in time; is the server running?"),
            ),
            (_, Some(_)) => Error::location(
                LocationCause::PermissionDenied,
                format!("cannot connect to {self}: {}", message(&error)),
            ),
            _ => failed("connect")(error),
        }
    }
}
