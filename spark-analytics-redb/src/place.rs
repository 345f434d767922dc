//! The location of a store, and creating and opening its database.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend,
    StorageError, TableError, TableHandle, WriteTransaction,
};
use spark_analytics_core::{Dedup, Error, IncompatibleCause, LocationCause, Result};

use crate::error::{self, BACKEND, Fault};
use crate::options::RedbOptions;
use crate::rows::job::{JobRow, job_key, move_place};
use crate::rows::rollup;
use crate::storage::{Lease, Storage};
use crate::tables::{
    APPLICATIONS, ENVIRONMENTS, EVENT_IDS, EVENTS, EXECUTORS, JOBS, JOBS_BY_DURATION, JOBS_BY_END,
    LOG_SOURCES, META, REJECTED, REMOVED, ROLLUPS, SQL, STAGES, State,
};

pub(crate) const OPEN: &str = "open its file";

/// The version of tables, keys and values. It grows whenever an older program would misread them.
const SCHEMA: u32 = 4;
const SCHEMA_KEY: &str = "schema";
const DEDUP_KEY: &str = "dedup";

/// The location of a store, and how to open it.
#[derive(Debug)]
pub(crate) struct Place {
    /// How errors name it.
    name: String,
    storage: Arc<Storage>,
    options: RedbOptions,
    /// The file, if it was made for it.
    made: Option<PathBuf>,
}

impl Place {
    pub(crate) fn create(path: &Path, options: RedbOptions) -> Result<Self> {
        let name = name(path);
        let file = new_file_options().create_new(true).open(path);
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::location(
                LocationCause::AlreadyExists,
                format!("{name} already exists: open it, or use another file"),
            ),
            _ => not_opened(&name, "create its file", error),
        })?;
        let place = Self::of_file(name, file, options)?;
        Ok(Self { made: Some(path.to_owned()), ..place })
    }

    pub(crate) fn open(path: &Path, options: RedbOptions) -> Result<Self> {
        let name = name(path);
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::location(
                LocationCause::NotFound,
                format!("{name} does not exist: create the store first, or use another file"),
            ),
            _ => not_opened(&name, OPEN, error),
        })?;
        Self::of_file(name, file, options)
    }

    pub(crate) fn open_or_create(path: &Path, options: RedbOptions) -> Result<Self> {
        let name = name(path);
        let file = new_file_options().create(true).truncate(false).open(path);
        let file = file.map_err(|error| not_opened(&name, OPEN, error))?;
        Self::of_file(name, file, options)
    }

    fn of_file(name: String, file: File, options: RedbOptions) -> Result<Self> {
        let file = FileBackend::new(file).map_err(|error| refused(&name, error))?;
        Ok(Self { name, storage: Storage::new(file), options, made: None })
    }

    pub(crate) fn of_backend(backend: impl StorageBackend, options: RedbOptions) -> Self {
        let name = "the storage".to_owned();
        Self { name, storage: Storage::new(backend), options, made: None }
    }

    pub(crate) const fn options(&self) -> RedbOptions {
        self.options
    }

    /// As [`database`](Self::database); a file that was created for it is removed again if that fails.
    pub(crate) fn first_database(&self, may_make: bool) -> Result<Database> {
        self.database(may_make).inspect_err(|error| {
            // A file that another process has opened by now is not ours to remove.
            let is_others = matches!(error, Error::Unavailable { .. });
            if let Some(path) = self.made.as_ref().filter(|_| !is_others) {
                let _ = std::fs::remove_file(path);
            }
        })
    }

    /// Opens the database, or creates it if there is none and that is allowed. It must not be open already.
    pub(crate) fn database(&self, may_make: bool) -> Result<Database> {
        let lease = Lease::new(Arc::clone(&self.storage), may_make);
        let mut builder = Database::builder();
        builder.set_cache_size(self.options.cache_bytes);
        let database =
            builder.create_with_backend(lease).map_err(|error| refused(&self.name, error))?;
        let transaction = begin_read(&database)?;
        if !is_without_tables(&transaction).map_err(|fault| fault.during(OPEN))? {
            let schema = check(&self.name, &transaction, self.options)?;
            bring_up_to_date(&database, schema)?;
        } else if may_make {
            make_tables(&database, self.options.dedup)
                .map_err(|fault| fault.during("create its tables"))?;
        } else {
            return Err(not_ours(&self.name));
        }
        drop(transaction);
        Ok(database)
    }

    /// Releases the storage, whose database must have been closed.
    pub(crate) fn close(&self) -> std::io::Result<()> {
        self.storage.close()
    }
}

/// To open a file that is read and written by its owner alone, if it is new.
fn new_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn name(path: &Path) -> String {
    format!("`{}`", path.display())
}

pub(crate) fn check_directory(path: &Path) -> Result<()> {
    // A bare name has an empty parent, which is the current directory.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match parent.filter(|parent| !parent.is_dir()) {
        Some(parent) => Err(Error::location(
            LocationCause::NotFound,
            format!(
                "cannot open `{}`: there is no directory `{}`; create it first",
                path.display(),
                parent.display()
            ),
        )),
        None => Ok(()),
    }
}

fn begin_read(database: &Database) -> Result<ReadTransaction> {
    database.begin_read().map_err(|error| Fault::from(error).during(OPEN))
}

fn is_without_tables(transaction: &ReadTransaction) -> error::Result<bool> {
    let is_other = transaction.list_multimap_tables()?.next().is_some();
    Ok(!is_other && transaction.list_tables()?.next().is_none())
}

fn make_tables(database: &Database, dedup: Dedup) -> error::Result<()> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(SCHEMA_KEY, SCHEMA.to_string().as_bytes())?;
        meta.insert(DEDUP_KEY, dedup.name().as_bytes())?;
        State::NEW.save(&mut meta)?;
        for table in [JOBS, ROLLUPS, APPLICATIONS, STAGES, EXECUTORS, ENVIRONMENTS, SQL, REMOVED] {
            transaction.open_table(table)?;
        }
        for order in [JOBS_BY_END, JOBS_BY_DURATION] {
            transaction.open_table(order)?;
        }
        transaction.open_table(EVENT_IDS)?;
        transaction.open_table(EVENTS)?;
        transaction.open_table(REJECTED)?;
        transaction.open_table(LOG_SOURCES)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Adds the tables that a file of an earlier schema lacks, and counts in its roll-ups what was not counted then.
fn bring_up_to_date(database: &Database, schema: u32) -> Result<()> {
    let upgrade = || -> error::Result<()> {
        let transaction = database.begin_write()?;
        for table in [ENVIRONMENTS, SQL, REMOVED] {
            transaction.open_table(table)?;
        }
        transaction.open_table(LOG_SOURCES)?;
        rollup::count_jobs(&transaction)?;
        order_by_duration(&transaction)?;
        transaction.open_table(META)?.insert(SCHEMA_KEY, SCHEMA.to_string().as_bytes())?;
        Ok(transaction.commit()?)
    };
    if schema == SCHEMA {
        return Ok(());
    }
    upgrade().map_err(|fault| fault.during("upgrade its tables"))
}

/// Fills the order of durations, which files before schema 4 lack.
fn order_by_duration(transaction: &WriteTransaction) -> error::Result<()> {
    let rows = transaction.open_table(JOBS)?;
    let mut order = transaction.open_table(JOBS_BY_DURATION)?;
    for row in rows.iter()? {
        let (key, value) = row?;
        let record = JobRow::decode(key.value(), value.value())?.record;
        let key = job_key(key.value())?;
        let duration = record.figures(&key).map(|job| job.duration_us());
        move_place(&mut order, &key, None, duration)?;
    }
    Ok(())
}

/// Checks that the file can be used; its schema.
fn check(name: &str, transaction: &ReadTransaction, options: RedbOptions) -> Result<u32> {
    let schema = text(name, transaction, SCHEMA_KEY)?;
    let known = match schema.parse() {
        Ok(known @ 1..=SCHEMA) => known,
        Ok(newer) if newer > SCHEMA => {
            return Err(Error::incompatible(
                IncompatibleCause::Schema,
                format!(
                    "{} was written by a newer version (schema {newer}; this one supports up to {SCHEMA}): use that version",
                    name
                ),
            ));
        }
        _ => {
            let what = format!("schema version in {}", name);
            return Err(Error::damaged(BACKEND, what, format!("it is `{schema}`")));
        }
    };
    let dedup = text(name, transaction, DEDUP_KEY)?;
    let held = dedup
        .parse::<Dedup>()
        .map_err(|reason| Error::damaged(BACKEND, format!("dedup rule in {name}"), reason))?;
    if held != options.dedup {
        return Err(Error::incompatible(
            IncompatibleCause::Dedup,
            format!(
                "{} was created with the dedup rule `{held}`, not `{}`: open it with `{held}`, or use another file",
                name, options.dedup
            ),
        ));
    }
    Ok(known)
}

/// A text in `meta`; a file without it is another program's.
fn text(name: &str, transaction: &ReadTransaction, key: &str) -> Result<String> {
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::Storage(error)) => return Err(Fault::from(error).during(OPEN)),
        Err(_) => return Err(not_ours(name)),
    };
    let row = meta.get_owned(key).map_err(|error| Fault::from(error).during(OPEN))?;
    let row = row.ok_or_else(|| not_ours(name))?;
    Ok(String::from_utf8_lossy(row.value()).into_owned())
}

fn not_ours(name: &str) -> Error {
    Error::location(
        LocationCause::NotAStore,
        format!(
            "{} is a redb file but has no `{}` table of spark-analytics: use another file",
            name,
            META.name()
        ),
    )
}

fn refused(name: &str, error: DatabaseError) -> Error {
    match error {
        DatabaseError::DatabaseAlreadyOpen => Error::unavailable(
            BACKEND,
            format!(
                "{name} is already open, in another process or in this one: close it there first; redb allows one \
                 opener at a time"
            ),
        ),
        DatabaseError::UpgradeRequired(format) => Error::incompatible(
            IncompatibleCause::Engine,
            format!("{name} is in redb's file format {format}, which this version does not read"),
        ),
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Error::location(
                LocationCause::NotAStore,
                format!("{name} is not a redb file: use another file"),
            ),
            _ => failed(name, OPEN, error),
        },
        DatabaseError::Storage(StorageError::Corrupted(reason)) => {
            Error::damaged(BACKEND, format!("file {name}"), reason)
        }
        error => failed(name, OPEN, error),
    }
}

fn failed(name: &str, action: &'static str, error: impl ToString) -> Error {
    Error::engine(BACKEND, action, format!("{name}: {}", error.to_string()))
}

/// Of a file that the system does not open.
fn not_opened(name: &str, action: &'static str, error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Error::location(
            LocationCause::PermissionDenied,
            format!("cannot open {name}: it must be a readable and writable file"),
        ),
        _ => failed(name, action, error),
    }
}
