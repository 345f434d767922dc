//! Removing raw events.

use std::ops::Bound;

use redb::{ReadableTable, WriteTransaction};
use spark_analytics_core::Day;

use crate::error::{Fault, Result};
use crate::handle::Written;
use crate::keys;
use crate::tables::{EVENT_IDS, EVENTS, META, State};
use crate::value::NOT_A_KEY;

/// How many rows a transaction of [`remove_events`] examines.
const CHUNK: usize = 10_000;

/// Moves the prune day forward and returns the day in force.
pub(crate) fn move_day(transaction: &WriteTransaction, before: Day) -> Result<Written<Day>> {
    let mut meta = transaction.open_table(META)?;
    let mut state = State::load(&meta)?;
    if before <= state.pruned_before {
        return Ok(Written::Unchanged(state.pruned_before));
    }
    state.pruned_before = before;
    state.save(&mut meta)?;
    Ok(Written::Changed(before))
}

/// How many events [`remove_events`] removed, and the number of the job to continue with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removed {
    pub(crate) events: u64,
    pub(crate) next: Option<u64>,
}

/// Removes events before the day of jobs from the number `first` on, as many as one transaction should.
pub(crate) fn remove_events(
    transaction: &WriteTransaction,
    before: Day,
    first: u64,
) -> Result<Written<Removed>> {
    let mut ids = transaction.open_table(EVENT_IDS)?;
    let mut events = transaction.open_table(EVENTS)?;
    let (mut old_keys, mut old_ids) = (Vec::new(), Vec::new());
    let (mut job, mut looked_at) = (first, 0);
    // A job's events are in the order of time: the first recent one ends the job's events to prune.
    let next = 'jobs: loop {
        let from = keys::events_of(job);
        for row in ids.range::<&[u8]>((Bound::Included(from.as_slice()), Bound::Unbounded))? {
            let (key, id) = row?;
            let (number, time) = keys::read_event(key.value())
                .ok_or_else(|| Fault::damaged(format!("key of event {}", id.value()), NOT_A_KEY))?;
            looked_at += 1;
            if looked_at > CHUNK {
                break 'jobs Some(number);
            }
            if time.day() >= before {
                let Some(following) = number.checked_add(1) else { break 'jobs None };
                job = following;
                continue 'jobs;
            }
            old_keys.push(key.value().to_vec());
            old_ids.push(id.value());
        }
        break None;
    };
    for key in &old_keys {
        ids.remove(key.as_slice())?;
    }
    old_ids.sort_unstable();
    for id in &old_ids {
        events.remove(id)?;
    }
    let removed = Removed { events: old_ids.len() as u64, next };
    Ok(if old_ids.is_empty() { Written::Unchanged(removed) } else { Written::Changed(removed) })
}
