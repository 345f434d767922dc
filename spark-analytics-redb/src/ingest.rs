//! Taking a batch of events.

use std::collections::BTreeMap;

use redb::{ReadableTable, Table, WriteTransaction};
use spark_analytics_core::{
    Batch, Dedup, EventWrite, Held, JobCursor, JobRecord, JobWrite, Receipt, Rollup, RollupKey,
    StoredEvent, plan,
};

use crate::fault::{Fault, Result};
use crate::keys;
use crate::shared::Written;
use crate::tables::{
    EVENT_IDS, EVENTS, JOBS, JOBS_BY_END, JobRow, META, ROLLUPS, State, encode_job, rollup,
    stored_event, to_postcard,
};

/// Loads what the batch touches, plans and writes. Rows are read and written in the order of
/// their keys, so that neighbours meet the same pages.
pub(crate) fn ingest(
    transaction: &WriteTransaction,
    batch: Batch,
    dedup: Dedup,
) -> Result<Written<Vec<Receipt>>> {
    let mut meta = transaction.open_table(META)?;
    let mut tables = EventTables {
        ids: transaction.open_table(EVENT_IDS)?,
        raw: transaction.open_table(EVENTS)?,
        dedup,
    };
    let mut jobs = JobTables::open(transaction)?;

    let mut state = State::load(&meta)?;
    let (numbers, records) = jobs.load(&batch, &mut state)?;
    let held = Held {
        pruned_before: state.pruned_before,
        next_event_id: state.next_event_id,
        events: tables.load(&batch, &numbers)?,
        jobs: records,
    };
    let writes = plan(batch, held);
    if writes.inserts.is_empty() && writes.updates.is_empty() && writes.jobs.is_empty() {
        return Ok(Written::Unchanged(writes.receipts));
    }
    let numbers: Vec<u64> = numbers.iter().map(|number| number.number()).collect();
    tables.insert(writes.inserts, &numbers)?;
    tables.update(writes.updates)?;
    jobs.put(writes.jobs, &numbers)?;
    add_rollups(transaction, writes.rollups)?;
    state.next_event_id = writes.next_event_id;
    state.save(&mut meta)?;
    Ok(Written::Changed(writes.receipts))
}

/// The number of a job, held already or given now.
#[derive(Clone, Copy, Debug)]
enum Number {
    Held(u64),
    New(u64),
}

impl Number {
    const fn number(self) -> u64 {
        match self {
            Self::Held(number) | Self::New(number) => number,
        }
    }
}

struct EventTables<'t> {
    ids: Table<'t, &'static [u8], i64>,
    raw: Table<'t, i64, &'static str>,
    dedup: Dedup,
}

impl EventTables<'_> {
    fn load(&self, batch: &Batch, numbers: &[Number]) -> Result<Vec<Option<StoredEvent>>> {
        let mut held = vec![None; batch.identities().len()];
        let mut wanted: Vec<(Vec<u8>, usize)> = Vec::with_capacity(held.len());
        for (at, (job, id)) in batch.identities().enumerate() {
            // A job without a number has no events.
            if let Number::Held(number) = numbers[job] {
                wanted.push((keys::event(number, &id), at));
            }
        }
        wanted.sort_unstable();
        for (key, at) in wanted {
            if let Some(id) = self.ids.get(key.as_slice())? {
                let id = id.value();
                let raw = self.raw.get(id)?.ok_or_else(|| missing_event(id))?;
                held[at] = Some(stored_event(id, raw.value())?);
            }
        }
        Ok(held)
    }

    fn insert(&mut self, inserts: Vec<EventWrite>, numbers: &[u64]) -> Result<()> {
        let mut ids: Vec<(Vec<u8>, i64)> = Vec::with_capacity(inserts.len());
        for EventWrite { id, job, event } in inserts {
            ids.push((keys::event(numbers[job], &event.id(self.dedup)), id));
            self.raw.insert(id, event.raw())?;
        }
        ids.sort_unstable();
        for (key, id) in ids {
            self.ids.insert(key.as_slice(), id)?;
        }
        Ok(())
    }

    fn update(&mut self, mut updates: Vec<EventWrite>) -> Result<()> {
        updates.sort_unstable_by_key(|update| update.id);
        for EventWrite { id, event, .. } in updates {
            self.raw.insert(id, event.raw())?;
        }
        Ok(())
    }
}

/// The tables of jobs.
pub(crate) struct JobTables<'t> {
    pub(crate) rows: Table<'t, &'static [u8], &'static [u8]>,
    by_end: Table<'t, &'static [u8], ()>,
}

impl<'t> JobTables<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction) -> Result<Self> {
        Ok(Self {
            rows: transaction.open_table(JOBS)?,
            by_end: transaction.open_table(JOBS_BY_END)?,
        })
    }

    /// The numbers and records of the batch's jobs, in its order. An unknown job gets the next number.
    fn load(&self, batch: &Batch, state: &mut State) -> Result<(Vec<Number>, Vec<JobRecord>)> {
        let mut wanted: Vec<(Vec<u8>, usize)> =
            batch.jobs().enumerate().map(|(at, job)| (keys::job(job), at)).collect();
        wanted.sort_unstable();
        let mut numbers = vec![Number::New(0); wanted.len()];
        let mut records = vec![JobRecord::default(); wanted.len()];
        for (key, at) in wanted {
            match self.rows.get(key.as_slice())? {
                Some(row) => {
                    let row = JobRow::decode(&key, row.value())?;
                    (numbers[at], records[at]) = (Number::Held(row.number), row.record);
                }
                None => numbers[at] = Number::New(state.take_job_number()),
            }
        }
        Ok((numbers, records))
    }

    /// Writes jobs; `numbers` are by [`JobWrite::index`].
    pub(crate) fn put(&mut self, writes: Vec<JobWrite>, numbers: &[u64]) -> Result<()> {
        let mut rows = Vec::with_capacity(writes.len());
        for write in writes {
            let end = write.figures.as_ref().map(JobCursor::from);
            let end_before = write.figures_before.as_ref().map(JobCursor::from);
            if end != end_before {
                if let Some(cursor) = end_before {
                    self.by_end.remove(keys::job_by_end(&cursor).as_slice())?;
                }
                if let Some(cursor) = end {
                    self.by_end.insert(keys::job_by_end(&cursor).as_slice(), ())?;
                }
            }
            rows.push((keys::job(&write.key), write.index, write.record));
        }
        rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (key, index, record) in rows {
            if record.is_empty() {
                self.rows.remove(key.as_slice())?;
            } else {
                self.rows
                    .insert(key.as_slice(), encode_job(numbers[index], &record)?.as_slice())?;
            }
        }
        Ok(())
    }
}

/// Adds each change to the roll-up that is held.
pub(crate) fn add_rollups(
    transaction: &WriteTransaction,
    changes: BTreeMap<RollupKey, Rollup>,
) -> Result<()> {
    let mut table = transaction.open_table(ROLLUPS)?;
    let mut changes: Vec<(Vec<u8>, Rollup)> = changes
        .into_iter()
        .filter(|(_, change)| !change.is_empty())
        .map(|(key, change)| (keys::rollup(key.user.as_deref(), key.day), change))
        .collect();
    changes.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (key, change) in changes {
        let mut total = match table.get(key.as_slice())? {
            Some(row) => rollup(&key, row.value())?,
            None => Rollup::default(),
        };
        total += &change;
        if total.is_empty() {
            table.remove(key.as_slice())?;
        } else {
            table.insert(key.as_slice(), to_postcard(&total)?.as_slice())?;
        }
    }
    Ok(())
}

pub(crate) fn missing_event(id: i64) -> Fault {
    Fault::damaged(format!("event {id}"), "it has an identity but no row")
}
