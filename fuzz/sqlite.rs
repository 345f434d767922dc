//! A SQLite store in memory with a damaged row.

use std::fmt::Write;
use std::sync::LazyLock;

use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Error, Event, JobFilter, JobKey, Rejection, Result, Store, Timestamp,
};
use spark_analytics_redb_inside::{
    figures, figures_of_job, figures_of_log, figures_of_range, greater,
};
use spark_analytics_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};
use tokio::runtime::{Builder, Runtime};

use crate::held;

const LOCATION: &str = "/logs/app-1";

static WORLD: LazyLock<(Runtime, World)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let world = runtime.block_on(World::new()).expect("a store");
    (runtime, world)
});

/// Damages a value as the input says, reads and writes everything, and restores the value. Each call must return a result
/// or an error.
pub fn damaged_row(data: &[u8]) {
    let (runtime, world) = &*WORLD;
    let Some(damage) = Damage::from(data) else { return };
    runtime.block_on(async {
        if world.damage(damage).await {
            world.read_all().await;
            world.write_all().await;
        }
        world.restore().await;
    });
}

struct World {
    pool: SqlitePool,
    store: SqliteStore,
    tables: Vec<Table>,
    restore: String,
    jobs: Vec<JobKey>,
    events: Vec<Event>,
    log: LogSnapshot,
}

struct Table {
    name: String,
    columns: Vec<String>,
    rows: i64,
}

/// Which value is replaced by what.
struct Damage<'a> {
    table: u8,
    row: u8,
    column: u8,
    becomes: Value<'a>,
}

enum Value<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
    /// The current value with some bytes overwritten.
    Patched(usize, &'a [u8]),
}

impl<'a> Damage<'a> {
    fn from(data: &'a [u8]) -> Option<Self> {
        let [table, row, column, how, rest @ ..] = data else { return None };
        let number = || {
            let mut number = [0; 8];
            number.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            number
        };
        let becomes = match how % 6 {
            0 => Value::Null,
            1 => Value::Integer(i64::from_le_bytes(number())),
            2 => Value::Real(f64::from_le_bytes(number())),
            3 => Value::Text(rest),
            4 => Value::Blob(rest),
            _ => {
                let (place, bytes) = rest.split_first_chunk()?;
                Value::Patched(u16::from_le_bytes(*place).into(), bytes)
            }
        };
        Some(Self { table: *table, row: *row, column: *column, becomes })
    }
}

impl World {
    async fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let options = SqliteConnectOptions::new().in_memory(true).disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1).idle_timeout(None);
        let pool = pool.max_lifetime(None).test_before_acquire(false).connect_with(options).await?;
        let store = SqliteStore::from_pool(pool.clone()).await?;
        let (events, log) = (held::events(), held::log());
        let mut jobs: Vec<JobKey> = events.iter().map(|event| event.job().clone()).collect();
        jobs.dedup();
        let app = &log.application;
        let of_log = |id| JobKey::in_app(&*app.app_id, &*app.attempt_id, id);
        jobs.extend(log.jobs.iter().map(|job| of_log(job.job_id)));
        store.ingest(events.clone()).await?;
        let source = LogSource::new(LOCATION, 1, at(0));
        store.ingest_logs(vec![log.clone()], vec![source]).await?;
        store.reject(vec![Rejection::new(at(0), "it is bad", b"{}")]).await?;
        // As in a damaged file: a column may contain anything.
        let any_value = "PRAGMA writable_schema = ON; \
             UPDATE sqlite_schema SET sql = replace(replace(sql, ') STRICT', ')'), ' NOT NULL', '') \
             WHERE type = 'table'; \
             PRAGMA writable_schema = RESET; \
             ATTACH ':memory:' AS kept";
        sqlx::raw_sql(any_value).execute(&pool).await?;
        let tables = tables(&pool).await?;
        let mut restore = String::from("BEGIN;");
        for Table { name, .. } in &tables {
            let keep = format!("CREATE TABLE kept.{name} AS SELECT rowid AS number, * FROM {name}");
            sqlx::raw_sql(AssertSqlSafe(keep)).execute(&pool).await?;
        }
        for Table { name, columns, .. } in &tables {
            let columns = columns.join(", ");
            write!(
                restore,
                "DELETE FROM {name}; INSERT INTO {name} (rowid, {columns}) \
                 SELECT number, {columns} FROM kept.{name};"
            )?;
        }
        restore += "COMMIT";
        Ok(Self { pool, store, tables, restore, jobs, events: greater(&events), log })
    }

    /// Whether the engine accepts the damaged value.
    async fn damage(&self, damage: Damage<'_>) -> bool {
        let table = &self.tables[usize::from(damage.table) % self.tables.len()];
        let column = &table.columns[usize::from(damage.column) % table.columns.len()];
        let row = i64::from(damage.row) % table.rows.max(1);
        let (set, value) = match damage.becomes {
            Value::Null => ("NULL".to_owned(), None),
            Value::Integer(number) => (number.to_string(), None),
            Value::Real(number) => (format!("CAST('{number:e}' AS REAL)"), None),
            Value::Text(text) => ("CAST(? AS TEXT)".to_owned(), Some(text)),
            Value::Blob(bytes) => ("?".to_owned(), Some(bytes)),
            Value::Patched(place, bytes) => {
                let patched = format!(
                    "CAST(substr(CAST({column} AS BLOB), 1, {place}) || ? || \
                     substr(CAST({column} AS BLOB), {place} + 1 + {}) AS BLOB)",
                    bytes.len()
                );
                (format!("CASE typeof({column}) WHEN 'text' THEN CAST({patched} AS TEXT) ELSE {patched} END")
                    .replace('?', "?1"), Some(bytes))
            }
        };
        let sql = format!(
            "UPDATE {} SET {column} = {set} WHERE rowid = \
             (SELECT rowid FROM {} ORDER BY rowid LIMIT 1 OFFSET {row})",
            table.name, table.name
        );
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        let query = value.into_iter().fold(query, |query, value| query.bind(value));
        query.execute(&self.pool).await.is_ok()
    }

    async fn restore(&self) {
        let restore = sqlx::raw_sql(AssertSqlSafe(self.restore.as_str()));
        restore.execute(&self.pool).await.expect("what was can be put back");
    }

    async fn read_all(&self) {
        let store = &self.store;
        let app = (self.log.application.app_id.as_str(), self.log.application.attempt_id.as_str());
        for key in &self.jobs {
            if let Some(Some(record)) = answer(store.job(key).await) {
                figures_of_job(key, &record);
            }
            answer(store.events(key, None, 100).await);
        }
        let all = JobFilter::default();
        let of_app = all.clone().app(app.0);
        let of_user = all.clone().user("ada");
        for filter in [all, of_app, of_user] {
            answer(store.jobs(&filter, None, 100).await).iter().flatten().for_each(figures);
        }
        for user in [None, Some("ada")] {
            if let Some(rollups) = answer(store.rollups(Day::MIN, Day::MAX, user).await) {
                figures_of_range(&rollups);
            }
        }
        answer(store.applications(None, 100).await);
        if let Some(Some(log)) = answer(store.log(&AttemptKey::new(app.0, app.1)).await) {
            figures_of_log(&log);
        }
        answer(store.log_source(LOCATION).await);
        answer(store.rejected(None, 100).await);
    }

    async fn write_all(&self) {
        let store = &self.store;
        answer(store.ingest(self.events.clone()).await);
        answer(store.ingest_logs(vec![held::later_log()], Vec::new()).await);
        answer(store.reject(vec![Rejection::new(at(1), "it is bad", b"[]")]).await);
        answer(store.prune(Day::from_number(20_000)).await);
    }
}

/// The response of a store; an error must say what it is about.
fn answer<T>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(Error::Damaged { .. } | Error::Engine { .. }) => None,
        Err(error) => panic!("{error:?}"),
    }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

async fn tables(pool: &SqlitePool) -> sqlx::Result<Vec<Table>> {
    let names = sqlx::query_scalar::<_, String>(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'spark\\_%' ESCAPE '\\' \
         AND name <> 'spark_migrations' ORDER BY name",
    );
    let mut tables = Vec::new();
    for name in names.fetch_all(pool).await? {
        let rows = format!("SELECT count(*) FROM {name}");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(pool).await?;
        let columns = sqlx::query("SELECT name FROM pragma_table_info(?)").bind(&name);
        let columns = columns.fetch_all(pool).await?.iter().map(|row| row.get(0)).collect();
        tables.push(Table { name, columns, rows });
    }
    Ok(tables)
}
