//! Events' rows.

use redb::{ReadableTable, Table, WriteTransaction};
use spark_analytics_core::backend::{Batch, EventWrite};
use spark_analytics_core::{Dedup, Event, StoredEvent};

use crate::error::{Fault, Result};
use crate::keys;
use crate::rows::job::Number;
use crate::tables::{EVENT_IDS, EVENTS};

/// The tables of events.
pub(crate) struct EventTables<'t> {
    ids: Table<'t, &'static [u8], i64>,
    raw: Table<'t, i64, &'static str>,
    dedup: Dedup,
}

impl<'t> EventTables<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction, dedup: Dedup) -> Result<Self> {
        Ok(Self {
            ids: transaction.open_table(EVENT_IDS)?,
            raw: transaction.open_table(EVENTS)?,
            dedup,
        })
    }

    pub(crate) fn load(
        &self,
        batch: &Batch,
        numbers: &[Number],
    ) -> Result<Vec<Option<StoredEvent>>> {
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

    pub(crate) fn insert(&mut self, inserts: Vec<EventWrite>, numbers: &[u64]) -> Result<()> {
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

    pub(crate) fn update(&mut self, mut updates: Vec<EventWrite>) -> Result<()> {
        updates.sort_unstable_by_key(|update| update.id);
        for EventWrite { id, event, .. } in updates {
            self.raw.insert(id, event.raw())?;
        }
        Ok(())
    }
}

/// Removes all events of jobs.
pub(crate) fn remove_of_jobs(
    transaction: &WriteTransaction,
    numbers: impl Iterator<Item = u64>,
) -> Result<()> {
    let mut ids = transaction.open_table(EVENT_IDS)?;
    let mut raw = transaction.open_table(EVENTS)?;
    let (mut keys, mut old_ids) = (Vec::new(), Vec::new());
    for number in numbers {
        let (first, after) = (keys::events_of(number), keys::events_of(number + 1));
        for row in ids.range::<&[u8]>(first.as_slice()..after.as_slice())? {
            let (key, id) = row?;
            keys.push(key.value().to_vec());
            old_ids.push(id.value());
        }
    }
    for key in &keys {
        ids.remove(key.as_slice())?;
    }
    old_ids.sort_unstable();
    for id in &old_ids {
        raw.remove(id)?;
    }
    Ok(())
}

/// The event of a row of events.
pub(crate) fn stored_event(id: i64, raw: &str) -> Result<StoredEvent> {
    let event = Event::from_stored(raw).map_err(|e| Fault::damaged(format!("event {id}"), e))?;
    Ok(StoredEvent { id, event })
}

pub(crate) fn missing_event(id: i64) -> Fault {
    Fault::damaged(format!("event {id}"), "it has an identity but no row")
}
