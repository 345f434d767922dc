//! Opening and creating.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlSafeStr};

use spark_analytics_core::backend::{newer_schema, other_dedup, other_schema};
use spark_analytics_core::{Durability, Error, LocationCause, Result};

use crate::SqliteStore;
use crate::error::{BUSY, SQLITE, failed, result_code};
use crate::idle::Idle;
use crate::options::SqliteOptions;
use crate::rows::rollup;

/// Frames of the write-ahead log, a page each, after which it is moved into the file. Many batches
/// touch the same pages, which are moved once.
const CHECKPOINT_PAGES: &str = "32768";
const READERS: u32 = 4;
const STATEMENTS: usize = 256;

/// The migration since which roll-ups count jobs with tasks and impossible durations.
const COUNTED_ROLLUPS: i64 = 4;

impl SqliteStore {
    /// Opens the store in a file, or creates it, with default options.
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path).await
    }

    /// Options to open or create a store with: the defaults, to be changed by the builder's methods.
    pub const fn options() -> SqliteOptions {
        SqliteOptions::DEFAULT
    }

    /// Creates a store in memory with default options. It is dropped with its last clone.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub async fn in_memory() -> Result<Self> {
        Self::options().open_in_memory().await
    }

    /// Opens a store in the database of a pool with default options, see [`SqliteOptions::open_pool`].
    ///
    /// # Errors
    /// As [`SqliteOptions::open`].
    pub async fn from_pool(pool: SqlitePool) -> Result<Self> {
        Self::options().open_pool(pool).await
    }
}

impl SqliteOptions {
    /// Opens the store in a file, or creates it.
    ///
    /// # Errors
    /// [`Error::Location`] if the file cannot be read and written or is not an SQLite database; [`Error::Incompatible`] if
    /// it was written by a newer version or created with another dedup rule; [`Error::Unavailable`] if it lacks tables
    /// while another process writes; [`Error::Engine`] if SQLite fails otherwise.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore> {
        let path = path.as_ref();
        self.open_file(Name(Some(path)), &absolute(path)?, true).await
    }

    /// Creates a store in a new file. If that fails, the file is removed again.
    ///
    /// # Errors
    /// [`Error::Location`] if the file exists already, otherwise as [`open`](Self::open).
    pub async fn create(self, path: impl AsRef<Path>) -> Result<SqliteStore> {
        let (name, file) = (Name(Some(path.as_ref())), absolute(path.as_ref())?);
        match new_file(&file) {
            Ok(created) => drop(created),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(Error::location(
                    LocationCause::AlreadyExists,
                    format!("{name} already exists: open it, or give the path of a new file"),
                ));
            }
            Err(error) => {
                return Err(Error::location(
                    LocationCause::PermissionDenied,
                    format!("cannot create {name}: {error}"),
                ));
            }
        }
        self.open_file(name, &file, true).await.inspect_err(|error| {
            // Another process may have opened it in the meantime.
            if !matches!(error, Error::Unavailable { .. }) {
                let _ = std::fs::remove_file(&file);
            }
        })
    }

    /// Opens the store in an existing file.
    ///
    /// # Errors
    /// [`Error::Location`] if the file does not exist, otherwise as [`open`](Self::open).
    pub async fn open_existing(self, path: impl AsRef<Path>) -> Result<SqliteStore> {
        let (name, file) = (Name(Some(path.as_ref())), absolute(path.as_ref())?);
        if matches!(file.try_exists(), Ok(false)) {
            return Err(Error::location(
                LocationCause::NotFound,
                format!("{name} does not exist: create the store first, or give another path"),
            ));
        }
        self.open_file(name, &file, false).await
    }

    /// Creates a store in memory. It is dropped with its last clone.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub async fn open_in_memory(self) -> Result<SqliteStore> {
        let options = connect_options(self).in_memory(true);
        // A second connection would have a separate database.
        let pool = lasting_pool(1)
            .connect_with(options)
            .await
            .map_err(failed("open a database in memory"))?;
        let store = SqliteStore::new(self.dedup, pool.clone(), pool, true);
        store.prepare(Name(None)).await?;
        Ok(store)
    }

    /// Opens a store in the database of a pool. Its tables, whose names all begin with `spark_`, are created beside those
    /// that exist.
    ///
    /// Durability, timeouts and caches are those of the pool's connections. The store and its clones write with one
    /// connection at a time. Closing the store leaves the pool open.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_pool(self, pool: SqlitePool) -> Result<SqliteStore> {
        let store = SqliteStore::new(self.dedup, pool.clone(), pool, false);
        store.prepare(Name(None)).await?;
        Ok(store)
    }

    async fn open_file(self, name: Name<'_>, path: &Path, may_create: bool) -> Result<SqliteStore> {
        if let Some(file) = not_writable(path) {
            return Err(name.may_not_be_used(Name(Some(&file))));
        }
        let shared = connect_options(self).filename(path);
        if may_create {
            // SQLite would let everyone read it, and the files beside it have its mode. If it fails, SQLite says why.
            let _ = new_file(path).or_else(|error| match std::fs::read_link(path) {
                Ok(target) => new_file(&path.with_file_name(target)),
                Err(_) => Err(error),
            });
        } else {
            name.check(shared.clone()).await?;
        }
        let writer_cache = self.cache_bytes / 3 * 2;
        let reader_cache = self.cache_bytes / 3 / READERS as usize;
        let writer = shared
            .clone()
            .create_if_missing(true)
            .pragma("cache_size", cache_size(writer_cache))
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        let readers =
            shared.pragma("cache_size", cache_size(reader_cache)).pragma("query_only", "ON");
        let writer = lasting_pool(1).connect_with(writer).await.map_err(|e| name.refuse(e))?;
        let readers =
            lasting_pool(READERS).connect_with(readers).await.map_err(|e| name.refuse(e))?;
        let mut store = SqliteStore::new(self.dedup, writer, readers, true);
        store.idle = Some(Idle::new(store.readers.clone()));
        store.keep_log().await.map_err(|error| name.refuse(error))?;
        store.prepare(name).await?;
        store.open_readers().await.map_err(|error| name.refuse(error))?;
        Ok(store)
    }
}

/// The absolute path of a file whose folder exists. SQLite would take some relative paths, such as an empty one, for a
/// database in memory.
fn absolute(path: &Path) -> Result<PathBuf> {
    let name = Name(Some(path));
    let path = std::path::absolute(path).map_err(|error| {
        Error::location(
            LocationCause::Invalid,
            format!("cannot open {name}: {error}; give the path of a file"),
        )
    })?;
    match path.parent().filter(|parent| !parent.is_dir()) {
        Some(parent) => Err(Error::location(
            LocationCause::NotFound,
            format!(
                "cannot open {name}: there is no directory `{}`; create it first",
                parent.display()
            ),
        )),
        None => Ok(path),
    }
}

impl SqliteStore {
    /// Turns the write-ahead log on, which the file remembers.
    async fn keep_log(&self) -> sqlx::Result<()> {
        let mut connection = self.writer.acquire().await?;
        let mode: String =
            sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await?;
        if mode == "wal" {
            return Ok(());
        }
        let mut attempts = 0;
        loop {
            let turned = sqlx::query("PRAGMA journal_mode = WAL").execute(&mut *connection).await;
            attempts += 1;
            match turned {
                // Two connections that switch at the same time fail without waiting for each other. The write lock
                // makes them wait.
                Err(error) if result_code(&error) == Some(BUSY) && attempts < 100 => {
                    connection.begin_with("BEGIN IMMEDIATE").await?.rollback().await?;
                }
                done => return done.map(drop),
            }
        }
    }

    /// Opens all connections and the files that they read: later there may be no descriptors left.
    async fn open_readers(&self) -> sqlx::Result<()> {
        let mut opened = Vec::new();
        for _ in 0..READERS {
            let mut reader = self.readers.acquire().await?;
            sqlx::query("SELECT dedup FROM spark_meta").execute(&mut *reader).await?;
            opened.push(reader);
        }
        Ok(())
    }

    /// Brings the schema up to date and checks the rule. A store that lacks nothing is only read,
    /// so that it opens while another process writes.
    async fn prepare(&self, name: Name<'_>) -> Result<()> {
        let migrator = migrator();
        let mut writer = self.writer().await?;
        if is_migrated(&mut writer.connection, &migrator)
            .await
            .map_err(failed("read its schema"))?
            && let Some(rule) = rule(&mut writer.connection).await?
        {
            return self.check_rule(&rule, name);
        }
        let mut transaction = writer.begin().await?;
        let schema = schema(&mut transaction).await.map_err(failed("read its schema"))?;
        migrate(&mut transaction, &migrator, name).await?;
        if schema.is_some_and(|schema| schema < COUNTED_ROLLUPS) {
            rollup::count_jobs(&mut transaction).await?;
        }
        sqlx::query(
            "INSERT INTO spark_meta (only, dedup, next_event_id) VALUES (1, ?, 1) \
             ON CONFLICT DO NOTHING",
        )
        .bind(self.dedup.name())
        .execute(&mut *transaction)
        .await
        .map_err(failed("write its rule"))?;
        if let Some(rule) = rule(&mut transaction).await? {
            self.check_rule(&rule, name)?;
        }
        transaction.commit().await.map_err(failed("create its tables"))
    }

    fn check_rule(&self, rule: &str, name: Name<'_>) -> Result<()> {
        if rule == self.dedup.name() {
            return Ok(());
        }
        Err(other_dedup(name, rule, self.dedup, "file"))
    }
}

fn connect_options(options: SqliteOptions) -> SqliteConnectOptions {
    let synchronous = match options.durability {
        Durability::Immediate => SqliteSynchronous::Full,
        Durability::Eventual => SqliteSynchronous::Normal,
    };
    SqliteConnectOptions::new()
        .synchronous(synchronous)
        .busy_timeout(options.busy_timeout)
        .statement_cache_capacity(STATEMENTS)
        .row_buffer_size(1024)
        // A statement that changes many rows keeps their former values; on disk that would be a file each time.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

/// A page cache as SQLite takes it: in KiB if negative.
fn cache_size(bytes: usize) -> String {
    format!("-{}", (bytes / 1024).clamp(1, i32::MAX as usize))
}

/// A pool whose connections stay.
fn lasting_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
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
            "environments and sql",
            include_str!("../migrations/2_environments_and_sql.sql"),
        ),
        migration(
            3,
            "log sources and packed environments",
            include_str!("../migrations/3_log_sources_and_packed_environments.sql"),
        ),
        migration(
            4,
            "removed attempts, counted rollups, orders of jobs",
            include_str!("../migrations/4_removed_attempts_counted_rollups_orders.sql"),
        ),
    ]);
    // Other programs may use the same database, with their own migrations.
    migrator.dangerous_set_table_name("spark_migrations");
    migrator
}

/// Whether a database has the migrations that are known, and no others.
async fn is_migrated(connection: &mut SqliteConnection, migrator: &Migrator) -> sqlx::Result<bool> {
    let tables: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM sqlite_schema \
         WHERE type = 'table' AND name IN ('spark_migrations', 'spark_meta')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if tables < 2 {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as("SELECT version, checksum, success FROM spark_migrations ORDER BY version")
            .fetch_all(connection)
            .await?;
    let known = migrator.iter().map(|known| (known.version, &*known.checksum, true));
    Ok(known.eq(applied.iter().map(|(version, sum, done)| (*version, sum.as_slice(), *done))))
}

/// The newest migration that a database has; `None` if it has none.
async fn schema(connection: &mut SqliteConnection) -> sqlx::Result<Option<i64>> {
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'spark_migrations'")
            .fetch_one(&mut *connection)
            .await?;
    if tables == 0 {
        return Ok(None);
    }
    sqlx::query_scalar("SELECT max(version) FROM spark_migrations").fetch_one(connection).await
}

async fn rule(connection: &mut SqliteConnection) -> Result<Option<String>> {
    sqlx::query_scalar("SELECT dedup FROM spark_meta")
        .fetch_optional(connection)
        .await
        .map_err(failed("read its rule"))
}

async fn migrate(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
    name: Name<'_>,
) -> Result<()> {
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => newer_schema(name, version, newest),
        MigrateError::VersionMismatch(version) => other_schema(name, version),
        other => Error::engine(SQLITE, "create its tables", other),
    })
}

/// The first of a database's files that is there and may not be read and written. SQLite would open it all the
/// same, and where it makes a log then, that could not be written by others or later.
#[cfg(unix)]
fn not_writable(path: &Path) -> Option<PathBuf> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    use rustix::io::Errno;

    let files = ["", "-wal", "-shm"].map(|end| with_suffix(path, end));
    files.into_iter().find(|file| {
        let access = accessat(CWD, file, Access::READ_OK | Access::WRITE_OK, AtFlags::EACCESS);
        access.is_err_and(|error| error != Errno::NOENT)
    })
}

#[cfg(not(unix))]
const fn not_writable(_: &Path) -> Option<PathBuf> {
    None
}

/// Creates a file that only its owner may read and write.
fn new_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut file = path.as_os_str().to_owned();
    file.push(suffix);
    file.into()
}

/// How errors name the database.
#[derive(Clone, Copy)]
struct Name<'a>(Option<&'a Path>);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(f, "`{}`", path.display()),
            None => f.write_str("the database"),
        }
    }
}

impl Name<'_> {
    /// Checks that a file has a store.
    async fn check(self, options: SqliteConnectOptions) -> Result<()> {
        let mut connection = options.connect().await.map_err(|error| self.refuse(error))?;
        let (tables, ours): (i64, i64) = sqlx::query_as(
            "SELECT count(*), count(*) FILTER (WHERE name IN ('spark_migrations', 'spark_meta')) \
             FROM sqlite_schema WHERE type = 'table'",
        )
        .fetch_one(&mut connection)
        .await
        .map_err(|error| self.refuse(error))?;
        connection.close().await.map_err(|error| self.refuse(error))?;
        if ours == 2 {
            return Ok(());
        }
        let why = match tables {
            0 => {
                "it has no tables. If it is a copy of a store in use, it lacks the file `-wal` of the original: copy \
                 with `VACUUM INTO`. Otherwise give another path, or delete it"
            }
            _ => "it is another program's database: give another path",
        };
        Err(Error::location(LocationCause::NotAStore, format!("{self} has no store: {why}")))
    }

    fn refuse(self, error: sqlx::Error) -> Error {
        const READ_ONLY: u32 = 8;
        const CANNOT_OPEN: u32 = 14;
        const NOT_A_DATABASE: u32 = 26;
        match result_code(&error) {
            Some(NOT_A_DATABASE) => Error::location(
                LocationCause::NotAStore,
                format!(
                    "{self} is not an SQLite database: give another path, or move the file away"
                ),
            ),
            Some(READ_ONLY | CANNOT_OPEN) => self.may_not_be_used(self),
            _ => failed("open its file")(error),
        }
    }

    fn may_not_be_used(self, file: Name<'_>) -> Error {
        Error::location(
            LocationCause::PermissionDenied,
            format!(
                "cannot open {self}: {file} must be a readable and writable file in a writable directory"
            ),
        )
    }
}
