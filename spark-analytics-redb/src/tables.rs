//! The tables of schema 4, and their values.
//!
//! Values that change with every event are `postcard`; facts of event logs are JSON, so that fields can be added.

use redb::{ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use spark_analytics_core::Day;

use crate::error::{Fault, Result};
use crate::value::{from_postcard, to_postcard};

/// `schema` and `dedup`, texts that never change their form, `state`, a [`State`], and since schema 4, if logs were
/// pruned, `logs_pruned_before`, a day.
pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Job key to the job's number and record.
pub(crate) const JOBS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("jobs");
/// The jobs with figures in the order of their ends.
pub(crate) const JOBS_BY_END: TableDefinition<'_, &[u8], ()> = TableDefinition::new("jobs_by_end");
/// The jobs with figures in the order of their durations; since schema 4.
pub(crate) const JOBS_BY_DURATION: TableDefinition<'_, &[u8], ()> =
    TableDefinition::new("jobs_by_duration");
/// Job number, time, type, task to the event's id.
pub(crate) const EVENT_IDS: TableDefinition<'_, &[u8], i64> = TableDefinition::new("event_ids");
/// Event id to raw text. Ids ascend, so new rows fill the last pages only.
pub(crate) const EVENTS: TableDefinition<'_, i64, &str> = TableDefinition::new("events");
/// User or all, then day, to the roll-up.
pub(crate) const ROLLUPS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rollups");
/// Application and attempt to the application's facts.
pub(crate) const APPLICATIONS: TableDefinition<'_, &[u8], &[u8]> =
    TableDefinition::new("applications");
/// Application, attempt, stage and stage attempt to the stage's facts.
pub(crate) const STAGES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("stages");
/// Application, attempt and executor to the executor's facts.
pub(crate) const EXECUTORS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("executors");
/// Application and attempt to its environment; since schema 2.
pub(crate) const ENVIRONMENTS: TableDefinition<'_, &[u8], &[u8]> =
    TableDefinition::new("environments");
/// Application, attempt and SQL execution to its facts; since schema 2.
pub(crate) const SQL: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("sql");
/// Location of a log to its size and modification time when it was ingested; since schema 3. The run that it reports;
/// since schema 4.
pub(crate) const LOG_SOURCES: TableDefinition<'_, &str, &[u8]> =
    TableDefinition::new("log_sources");
/// Application and attempt to what is kept of one whose jobs were removed; since schema 4.
pub(crate) const REMOVED: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("removed");
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

/// Far more ids than a store ever assigns, with room above for counting on.
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
            Err(Fault::damaged("row of counters", "one of them was never assigned"))
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

const LOGS_PRUNED_BEFORE: &str = "logs_pruned_before";

/// The day before which logs were pruned.
pub(crate) fn logs_pruned_before(
    meta: &impl ReadableTable<&'static str, &'static [u8]>,
) -> Result<Option<Day>> {
    let row = meta.get(LOGS_PRUNED_BEFORE)?;
    row.map(|row| from_postcard(row.value(), || LOGS_PRUNED_BEFORE.to_owned())).transpose()
}

pub(crate) fn set_logs_pruned_before(
    meta: &mut redb::Table<'_, &'static str, &'static [u8]>,
    day: Day,
) -> Result<()> {
    meta.insert(LOGS_PRUNED_BEFORE, to_postcard(&day)?.as_slice())?;
    Ok(())
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
}
