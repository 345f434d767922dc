//! A store in memory with a damaged row.

use redb::backends::InMemoryBackend;
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use spark_analytics_core::backend::Batch;
use spark_analytics_core::log::{LogSnapshot, LogSource};
use spark_analytics_core::{
    AttemptKey, Day, Dedup, Event, EventContent, EventDetail, Job, JobFilter, JobKey, JobRecord,
    Rejection, Rollup, Timestamp,
};

use crate::error::{Fault, Result};
use crate::place::Place;
use crate::tables::{
    APPLICATIONS, ENVIRONMENTS, EVENT_IDS, EVENTS, EXECUTORS, JOBS, JOBS_BY_DURATION, JOBS_BY_END,
    LOG_SOURCES, META,
    REJECTED, ROLLUPS, SQL, STAGES,
};
use crate::{RedbOptions, read, write};

const LOCATION: &str = "/logs/app-1";

/// A store in memory, its rows, and the input that is sent to it again.
#[derive(Debug)]
pub struct World {
    database: Database,
    rows: Vec<Row>,
    jobs: Vec<JobKey>,
    events: Vec<Event>,
    logs: Vec<LogSnapshot>,
    app: (String, String),
}

#[derive(Clone, Debug, PartialEq)]
struct Row {
    table: Table,
    key: Vec<u8>,
    value: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Table {
    Meta,
    Bytes(usize),
    JobsByEnd,
    JobsByDuration,
    EventIds,
    Events,
    LogSources,
    Rejected,
}

const BYTES: [TableDefinition<'_, &[u8], &[u8]>; 7] =
    [JOBS, ROLLUPS, APPLICATIONS, STAGES, EXECUTORS, ENVIRONMENTS, SQL];

impl World {
    /// A store with events and a log; the later log is sent while it is damaged.
    pub fn new(events: Vec<Event>, log: LogSnapshot, later: LogSnapshot) -> Self {
        let place = Place::of_backend(InMemoryBackend::new(), RedbOptions::default());
        let database = place.database(true).expect("makes one");

        let app = (log.application.app_id.clone(), log.application.attempt_id.clone());
        let mut jobs: Vec<JobKey> = events.iter().map(|event| event.job().clone()).collect();
        jobs.dedup();
        jobs.extend(log.jobs.iter().map(|job| JobKey::in_app(&*app.0, &*app.1, job.job_id)));
        let transaction = database.begin_write().expect("begins");
        let batch = Batch::new(events.clone(), Dedup::default());
        write::events::ingest(&transaction, batch, Dedup::default()).expect("ingests");
        let source = LogSource::new(LOCATION, 1, at(0));
        write::logs::ingest_logs(&transaction, vec![log.clone()], &[source]).expect("ingests");
        write::rejected::reject(&transaction, &[Rejection::new(at(0), "it is bad", b"{}")])
            .expect("keeps");
        transaction.commit().expect("commits");

        let rows = rows(&database.begin_read().expect("begins"));
        let events = greater(&events);
        Self { database, rows, jobs, events, logs: vec![log, later], app }
    }

    /// Damages a row as the input says, reads and writes everything, and restores the row. Each call must return a result
    /// or an error that names what is damaged.
    pub fn damage(&self, data: &[u8]) {
        let [at, how, rest @ ..] = data else { return };
        let old = &self.rows[usize::from(*at) % self.rows.len()];
        let Some(new) = damaged(old, *how, rest) else { return };
        let transaction = self.database.begin_write().expect("begins");
        remove(&transaction, old);
        let is_put = new.as_ref().is_none_or(|new| put(&transaction, new));
        if !is_put {
            return transaction.abort().expect("is taken back");
        }
        transaction.commit().expect("commits");
        self.read_all();
        self.write_all();
        let transaction = self.database.begin_write().expect("begins");
        if let Some(new) = &new {
            remove(&transaction, new);
        }
        for row in self.rows.iter().filter(|row| row.table == old.table) {
            put(&transaction, row);
        }
        transaction.commit().expect("commits");
    }

    fn read_all(&self) {
        let transaction = self.database.begin_read().expect("begins");
        let t = &transaction;
        for key in &self.jobs {
            if let Some(Some(record)) = answer(read::jobs::job(t, key)) {
                figures_of_job(key, &record);
            }
            answer(read::events::events(t, key, None, 100));
        }
        let all = JobFilter::default();
        let of_app = all.clone().app(&self.app.0);
        let of_user = all.clone().user("ada");
        for filter in [all, of_app, of_user, JobFilter::day(Day::from_number(19_812))] {
            answer(read::jobs::jobs(t, &filter, None, 100)).iter().flatten().for_each(figures);
        }
        for user in [None, Some("ada"), Some("dave")] {
            if let Some(rollups) = answer(read::rollups::rollups(t, Day::MIN, Day::MAX, user)) {
                figures_of_range(&rollups);
            }
        }
        answer(read::logs::applications(t, None, 100));
        if let Some(Some(log)) =
            answer(read::logs::log(t, &AttemptKey::new(&*self.app.0, &*self.app.1)))
        {
            figures_of_log(&log);
        }
        answer(read::logs::log_source(t, LOCATION));
        answer(read::rejected::rejected(t, None, 100));
    }

    fn write_all(&self) {
        let write = |write: &dyn Fn(&WriteTransaction) -> Result<()>| {
            let transaction = self.database.begin_write().expect("begins");
            answer(write(&transaction));
            transaction.abort().expect("is taken back");
        };
        let dedup = Dedup::default();
        for event in &self.events {
            let batch = Batch::new(vec![event.clone()], dedup);
            write(&|t| write::events::ingest(t, batch.clone(), dedup).map(drop));
        }
        for log in &self.logs {
            write(&|t| write::logs::ingest_logs(t, vec![log.clone()], &[]).map(drop));
        }
        write(&|t| {
            let day = Day::from_number(20_000);
            write::prune::move_day(t, day)?;
            write::prune::remove_events(t, day, 0).map(drop)
        });
        write(&|t| {
            write::rejected::reject(t, &[Rejection::new(at(1), "it is bad", b"[]")]).map(drop)
        });
    }
}

/// The response of a store; an error must name what is damaged.
fn answer<T>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(Fault::Damaged { what, reason }) => {
            assert!(!what.is_empty() && !reason.is_empty());
            None
        }
        Err(Fault::Engine(error)) => panic!("the engine fails: {error}"),
    }
}

/// For each job a known event, one that wins over a known one, and a new one.
pub fn greater(events: &[Event]) -> Vec<Event> {
    let change = |event: &Event| match &event.content() {
        EventContent {
            detail: EventDetail::TaskEnd { task_id, duration_ms, successful },
            user,
        } => {
            let (job, time) = (event.job().clone(), event.timestamp());
            let is_greater = duration_ms + i64::from(*successful);
            Event::task_end(job, time, user, task_id, is_greater, *successful).expect("is valid")
        }
        _ => event.clone(),
    };
    let add = |event: &Event| {
        let (job, time) = (event.job().clone(), event.timestamp());
        Event::job_end(job, time, "zoe", time, "JobFailed").expect("is valid")
    };
    events.iter().map(change).chain(events.iter().step_by(4).map(add)).collect()
}

/// All figures of a job.
pub fn figures(job: &Job) {
    let _ = (job.duration_seconds(), job.success_rate(), job.parallelism(), job.skew());
    let _ = (job.tasks.success_rate_ppb(), job.tasks.task_count(), job.tasks.gc_share());
    let _ = (job.tasks.durations.count(), job.tasks.durations.quantile(99, 100));
    let _ = job.end.day().to_string() + &job.end.to_string();
}

/// All figures of a stored job.
pub fn figures_of_job(key: &JobKey, record: &JobRecord) {
    record.figures(key).iter().for_each(figures);
    let mut rollup = Rollup::default();
    record.figures(key).iter().for_each(|job| rollup.add(job));
    record.figures(key).iter().for_each(|job| rollup.subtract(job));
    assert!(rollup.is_empty());
}

/// All figures of a range of days.
pub fn figures_of_range(rollups: &[(Day, Rollup)]) {
    let mut total = Rollup::default();
    rollups.iter().for_each(|(_, rollup)| total += rollup);
    let _ = (total.jobs(), total.avg_duration_seconds(), total.avg_success_rate());
    let _ = (total.durations.quantile(1, 2), total.tasks.skew(), total.tasks.task_count());
}

/// All figures of a log.
pub fn figures_of_log(log: &LogSnapshot) {
    let _ = (log.application.duration_us(), log.application.idle_core_ms());
    let _ = spark_analytics_core::history::jobs_json(log);
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// A row changed as the input says: another value, another key, removed, or its value overwritten or cut.
fn damaged(row: &Row, how: u8, rest: &[u8]) -> Option<Option<Row>> {
    let mut new = row.clone();
    let part = || {
        let (place, rest) = rest.split_first_chunk()?;
        Some((usize::from(u16::from_le_bytes(*place)) % (row.value.len() + 1), rest))
    };
    match how % 5 {
        0 => new.value = rest.to_vec(),
        1 => new.key = rest.to_vec(),
        2 => return Some(None),
        3 => {
            let (place, bytes) = part()?;
            let end = (place + bytes.len()).min(new.value.len());
            new.value[place..end].copy_from_slice(&bytes[..end - place]);
        }
        _ => {
            let (place, bytes) = part()?;
            new.value.truncate(place);
            new.value.extend_from_slice(bytes);
        }
    }
    Some(Some(new))
}

fn rows(t: &ReadTransaction) -> Vec<Row> {
    let mut rows = Vec::new();
    macro_rules! add {
        ($table:expr, $definition:expr, |$key:ident, $value:ident| $bytes:expr) => {
            let table = t.open_table($definition).expect("opens");
            // A few of each: all of them are restored after each input.
            for row in table.iter().expect("reads").take(6) {
                let (key, value) = row.expect("reads");
                let ($key, $value) = (key.value(), value.value());
                let (key, value) = $bytes;
                rows.push(Row { table: $table, key, value });
            }
        };
    }
    add!(Table::Meta, META, |key, value| (key.as_bytes().to_vec(), value.to_vec()));
    for (number, definition) in BYTES.into_iter().enumerate() {
        add!(Table::Bytes(number), definition, |key, value| (key.to_vec(), value.to_vec()));
    }
    add!(Table::JobsByEnd, JOBS_BY_END, |key, _value| (key.to_vec(), Vec::new()));
    add!(Table::JobsByDuration, JOBS_BY_DURATION, |key, _value| (key.to_vec(), Vec::new()));
    add!(Table::EventIds, EVENT_IDS, |key, value| (key.to_vec(), value.to_le_bytes().to_vec()));
    add!(Table::Events, EVENTS, |key, value| {
        (key.to_le_bytes().to_vec(), value.as_bytes().to_vec())
    });
    add!(Table::LogSources, LOG_SOURCES, |key, value| (key.as_bytes().to_vec(), value.to_vec()));
    add!(Table::Rejected, REJECTED, |key, value| (key.to_le_bytes().to_vec(), value.to_vec()));
    rows
}

/// Inserts a row if the engine accepts its key and value.
fn put(t: &WriteTransaction, row: &Row) -> bool {
    let put = || {
        let (key, value) = (row.key.as_slice(), row.value.as_slice());
        match row.table {
            Table::Meta => drop(t.open_table(META).ok()?.insert(text(key)?, value)),
            Table::Bytes(at) => drop(t.open_table(BYTES[at]).ok()?.insert(key, value)),
            Table::JobsByEnd => drop(t.open_table(JOBS_BY_END).ok()?.insert(key, ())),
            Table::JobsByDuration => drop(t.open_table(JOBS_BY_DURATION).ok()?.insert(key, ())),
            Table::EventIds => drop(t.open_table(EVENT_IDS).ok()?.insert(key, number(value)?)),
            Table::Events => drop(t.open_table(EVENTS).ok()?.insert(number(key)?, text(value)?)),
            Table::LogSources => drop(t.open_table(LOG_SOURCES).ok()?.insert(text(key)?, value)),
            Table::Rejected => drop(t.open_table(REJECTED).ok()?.insert(number(key)?, value)),
        }
        Some(())
    };
    put().is_some()
}

fn remove(t: &WriteTransaction, row: &Row) -> Option<()> {
    let key = row.key.as_slice();
    match row.table {
        Table::Meta => drop(t.open_table(META).ok()?.remove(text(key)?)),
        Table::Bytes(at) => drop(t.open_table(BYTES[at]).ok()?.remove(key)),
        Table::JobsByEnd => drop(t.open_table(JOBS_BY_END).ok()?.remove(key)),
        Table::JobsByDuration => drop(t.open_table(JOBS_BY_DURATION).ok()?.remove(key)),
        Table::EventIds => drop(t.open_table(EVENT_IDS).ok()?.remove(key)),
        Table::Events => drop(t.open_table(EVENTS).ok()?.remove(number(key)?)),
        Table::LogSources => drop(t.open_table(LOG_SOURCES).ok()?.remove(text(key)?)),
        Table::Rejected => drop(t.open_table(REJECTED).ok()?.remove(number(key)?)),
    }
    Some(())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The number in the first eight bytes; missing ones are zero.
fn number(bytes: &[u8]) -> Option<i64> {
    let mut number = [0; 8];
    number.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    Some(i64::from_le_bytes(number))
}
