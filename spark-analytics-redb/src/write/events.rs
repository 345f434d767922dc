//! Ingesting a batch of events.

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};
use spark_analytics_core::backend::{Batch, Held, plan};
use spark_analytics_core::{Dedup, JobKey, Receipt};

use crate::error::Result;
use crate::handle::Written;
use crate::keys;
use crate::rows::event::EventTables;
use crate::rows::job::JobTables;
use crate::rows::rollup;
use crate::tables::{META, REMOVED, State};

/// Loads what the batch touches, plans and writes. Rows are read and written in the order of
/// their keys, so that neighbours meet the same pages.
pub(crate) fn ingest(
    transaction: &WriteTransaction,
    batch: Batch,
    dedup: Dedup,
) -> Result<Written<Vec<Receipt>>> {
    let mut meta = transaction.open_table(META)?;
    let mut events = EventTables::open(transaction, dedup)?;
    let mut jobs = JobTables::open(transaction)?;

    let mut state = State::load(&meta)?;
    let (numbers, records) = jobs.load(&batch, &mut state)?;
    let held = Held {
        pruned_before: state.pruned_before,
        next_event_id: state.next_event_id,
        events: events.load(&batch, &numbers)?,
        jobs: records,
        removed: removed(transaction, &batch)?,
    };
    let writes = plan(batch, held);
    if writes.inserts.is_empty() && writes.updates.is_empty() && writes.jobs.is_empty() {
        return Ok(Written::Unchanged(writes.receipts));
    }
    let numbers: Vec<u64> = numbers.iter().map(|number| number.number()).collect();
    events.insert(writes.inserts, &numbers)?;
    events.update(writes.updates)?;
    jobs.put(writes.jobs, &numbers)?;
    rollup::add(transaction, writes.rollups)?;
    state.next_event_id = writes.next_event_id;
    state.save(&mut meta)?;
    Ok(Written::Changed(writes.receipts))
}

/// For each job of a batch whether its attempt was removed; empty if no attempt ever was.
fn removed(transaction: &WriteTransaction, batch: &Batch) -> Result<Vec<bool>> {
    let table = transaction.open_table(REMOVED)?;
    if table.is_empty()? {
        return Ok(Vec::new());
    }
    let is_removed = |key: &JobKey| {
        let key = keys::application(&key.app_id, &key.attempt_id);
        Ok(table.get(key.as_slice())?.is_some())
    };
    batch.jobs().map(is_removed).collect()
}
