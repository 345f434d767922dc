//! The tables of schema 3, and their values.
//!
//! What changes with every event is `postcard`; facts of event logs are JSON, so that fields may be added.

use redb::{ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use spark_analytics_core::{
    Day, Event, JobFold, JobKey, JobRecord, LogSource, Rejected, Rejection, Rollup, StoredEvent,
    Timestamp,
};

use crate::fault::{Fault, Result};
use crate::keys;

/// `schema` and `dedup`, texts that never change their form, and `state`, a [`State`].
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Job key to the job's number and record.
pub(crate) const JOBS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("jobs");
/// The jobs with figures in the order in which they are listed.
pub(crate) const JOBS_BY_END: TableDefinition<'_, &[u8], ()> = TableDefinition::new("jobs_by_end");
/// Job number, time, type, task to the event's id.
pub(crate) const EVENT_IDS: TableDefinition<'_, &[u8], i64> = TableDefinition::new("event_ids");
/// Event id to raw text. Ids ascend, so new rows fill the last pages only.
pub(crate) const EVENTS: TableDefinition<'_, i64, &str> = TableDefinition::new("events");
/// User or all, then day, to the roll-up.
pub(crate) const ROLLUPS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rollups");
/// Application and attempt to what logs say of it.
pub(crate) const APPLICATIONS: TableDefinition<'_, &[u8], &[u8]> =
    TableDefinition::new("applications");
/// Application, attempt, stage, stage attempt to what logs say of it.
pub(crate) const STAGES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("stages");
/// Application, attempt, executor to what logs say of it.
pub(crate) const EXECUTORS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("executors");
/// Application and attempt to what logs say of its environment; since schema 2.
pub(crate) const ENVIRONMENTS: TableDefinition<'_, &[u8], &[u8]> =
    TableDefinition::new("environments");
/// Application, attempt, execution of SQL to what logs say of it; since schema 2.
pub(crate) const SQL: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("sql");
/// Location of a log to its size and time of change when it was taken; since schema 3.
pub(crate) const LOG_SOURCES: TableDefinition<'_, &str, &[u8]> =
    TableDefinition::new("log_sources");
/// Id to rejected input.
pub(crate) const REJECTED: TableDefinition<'_, i64, &[u8]> = TableDefinition::new("rejected");

/// The counters of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) pruned_before: Day,
    pub(crate) next_event_id: i64,
    pub(crate) next_rejected_id: i64,
    pub(crate) next_job_number: u64,
}

/// No store comes to so many ids; what is left above it is room to count in.
const MOST_IDS: i64 = 1 << 62;

impl State {
    const KEY: &str = "state";
    pub(crate) const NEW: Self =
        Self { pruned_before: Day::MIN, next_event_id: 1, next_rejected_id: 1, next_job_number: 0 };

    pub(crate) fn load(meta: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<Self> {
        let row = meta.get(Self::KEY)?;
        let row = row.ok_or_else(|| Fault::damaged("row of counters", "it is missing"))?;
        let state: Self = from_postcard(row.value(), || "row of counters".to_owned())?;
        let is_id = |next: i64| (1..MOST_IDS).contains(&next);
        let is_number = state.next_job_number < MOST_IDS.unsigned_abs();
        if is_id(state.next_event_id) && is_id(state.next_rejected_id) && is_number {
            Ok(state)
        } else {
            Err(Fault::damaged("row of counters", "one of them was never counted up to"))
        }
    }

    /// The number of a new job; the caller saves the state.
    pub(crate) const fn take_job_number(&mut self) -> u64 {
        self.next_job_number += 1;
        self.next_job_number - 1
    }

    pub(crate) fn save(
        self,
        meta: &mut redb::Table<'_, &'static str, &'static [u8]>,
    ) -> Result<()> {
        meta.insert(Self::KEY, to_postcard(&self)?.as_slice())?;
        Ok(())
    }
}

/// A job's row.
#[derive(Clone, Debug)]
pub(crate) struct JobRow {
    pub(crate) number: u64,
    pub(crate) record: JobRecord,
}

impl JobRow {
    /// The row of a key that [`keys::job`] made.
    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Self> {
        let what = || match keys::read_job(key) {
            Some(job) => format!("row of {job}"),
            None => format!("row of a job under the key {key:02x?}"),
        };
        let ((number, events), log): ((u64, JobFold), _) =
            postcard::take_from_bytes(value).map_err(|e| Fault::damaged(what(), e))?;
        let log = if log.is_empty() { None } else { Some(from_json(log, what)?) };
        let record = JobRecord { events, log };
        let log_tasks = record.log.as_ref().map(|log| &log.tasks);
        for tasks in [Some(&record.events.tasks), log_tasks].into_iter().flatten() {
            check_counts([tasks.succeeded, tasks.failed, tasks.killed], what)?;
        }
        Ok(Self { number, record })
    }
}

/// A job's row as bytes: number and fold, then the log's facts, if any.
pub(crate) fn encode_job(number: u64, record: &JobRecord) -> Result<Vec<u8>> {
    let mut value = to_postcard(&(number, &record.events))?;
    if let Some(log) = &record.log {
        serde_json::to_writer(&mut value, log).map_err(unwritable)?;
    }
    Ok(value)
}

pub(crate) fn log_source(location: &str, value: &[u8]) -> Result<LogSource> {
    let (size, modified) = from_postcard(value, || format!("source of the log {location}"))?;
    Ok(LogSource { location: location.to_owned(), size, modified })
}

/// The key of a row of jobs.
pub(crate) fn job_key(key: &[u8]) -> Result<JobKey> {
    keys::read_job(key)
        .ok_or_else(|| Fault::damaged(format!("key of a job, {key:02x?}"), NOT_A_KEY))
}

/// The event of a row of events.
pub(crate) fn stored_event(id: i64, raw: &str) -> Result<StoredEvent> {
    let event = Event::from_json(raw).map_err(|e| Fault::damaged(format!("event {id}"), e))?;
    Ok(StoredEvent { id, event })
}

pub(crate) fn rollup(key: &[u8], value: &[u8]) -> Result<Rollup> {
    let what = || format!("roll-up under the key {key:02x?}");
    let rollup: Rollup = from_postcard(value, what)?;
    check_counts([rollup.jobs_succeeded, rollup.jobs_failed, rollup.jobs_unknown], what)?;
    check_counts([rollup.tasks.succeeded, rollup.tasks.failed, rollup.tasks.killed], what)?;
    Ok(rollup)
}

fn check_counts(counts: [i64; 3], what: impl FnOnce() -> String) -> Result<()> {
    match counts.into_iter().find(|count| *count < 0) {
        Some(count) => Err(Fault::damaged(what(), format!("{count} is no count"))),
        None => Ok(()),
    }
}

pub(crate) fn encode_rejection(rejection: &Rejection) -> Result<Vec<u8>> {
    to_postcard(&(rejection.at, &rejection.reason, &rejection.raw))
}

pub(crate) fn rejected(id: i64, value: &[u8]) -> Result<Rejected> {
    let (at, reason, raw): (Timestamp, String, String) =
        from_postcard(value, || format!("rejected input {id}"))?;
    Ok(Rejected { id, rejection: Rejection::new(at, reason, raw.as_bytes()) })
}

pub(crate) const NOT_A_KEY: &str = "it is none that this store writes";

pub(crate) fn to_postcard<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(unwritable)
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(unwritable)
}

pub(crate) fn from_json<T: DeserializeOwned>(
    value: &[u8],
    what: impl FnOnce() -> String,
) -> Result<T> {
    serde_json::from_slice(value).map_err(|e| Fault::damaged(what(), e))
}

fn from_postcard<T: DeserializeOwned>(value: &[u8], what: impl FnOnce() -> String) -> Result<T> {
    match postcard::take_from_bytes(value) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(Fault::damaged(what(), format!("{} bytes too many", rest.len()))),
        Err(error) => Err(Fault::damaged(what(), error)),
    }
}

/// None of the stored types can fail to be written, but serde cannot know.
pub(crate) fn unwritable(error: impl ToString) -> Fault {
    Fault::damaged("value about to be written", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_out_of_bounds_is_damage() {
        let read = |state: State| {
            let database = redb::Builder::new()
                .create_with_backend(redb::backends::InMemoryBackend::new())
                .expect("opens");
            let transaction = database.begin_write().expect("begins");
            let mut meta = transaction.open_table(META).expect("opens");
            state.save(&mut meta).expect("saves");
            State::load(&meta)
        };
        assert!(matches!(read(State::NEW), Ok(State::NEW)));
        for damaged in [
            State { next_event_id: i64::MAX, ..State::NEW },
            State { next_event_id: 0, ..State::NEW },
            State { next_rejected_id: i64::MAX - 1, ..State::NEW },
            State { next_job_number: u64::MAX, ..State::NEW },
        ] {
            let error = read(damaged).expect_err("is refused").during("read").to_string();
            assert!(error.contains("damaged row of counters"), "{error}");
        }
    }

    #[test]
    fn a_count_below_zero_is_damage() {
        let key = keys::job(&JobKey::new(7));
        let mut record = JobRecord::default();
        record.events.tasks.killed = -1;
        let row = encode_job(1, &record).expect("encodes");
        let damaged = JobRow::decode(&key, &row).expect_err("is refused");
        assert_eq!(
            damaged.during("read").to_string(),
            "the redb store holds a damaged row of job 7: -1 is no count"
        );

        let mut total = Rollup::default();
        total.tasks.failed = -2;
        let row = to_postcard(&total).expect("encodes");
        assert!(matches!(rollup(b"", &row), Err(Fault::Damaged { .. })));
    }
}
