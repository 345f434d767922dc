//! Listing events in their order.

use std::ops::Bound;

use redb::ReadTransaction;
use spark_analytics_core::backend::EventId;
use spark_analytics_core::{EventCursor, JobKey, StoredEvent};

use crate::error::Result;
use crate::keys;
use crate::rows::event::{missing_event, stored_event};
use crate::rows::job::job_row;
use crate::tables::{EVENT_IDS, EVENTS, JOBS};

pub(crate) fn events(
    transaction: &ReadTransaction,
    key: &JobKey,
    after: Option<&EventCursor>,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    let Some(row) = job_row(&transaction.open_table(JOBS)?, key)? else {
        return Ok(Vec::new());
    };
    let ids = transaction.open_table(EVENT_IDS)?;
    let raw = transaction.open_table(EVENTS)?;
    let lower = match after {
        None => keys::events_of(row.number),
        Some(EventCursor { timestamp, event_type, task }) => {
            let id = EventId { timestamp: *timestamp, event_type: *event_type, task };
            keys::event(row.number, &id)
        }
    };
    let upper = keys::events_of(row.number.saturating_add(1));
    let range = (Bound::Excluded(lower.as_slice()), Bound::Excluded(upper.as_slice()));
    let rows = ids.range::<&[u8]>(range)?.take(limit).map(|row| {
        let id = row?.1.value();
        let raw = raw.get(id)?.ok_or_else(|| missing_event(id))?;
        stored_event(id, raw.value())
    });
    rows.collect()
}
