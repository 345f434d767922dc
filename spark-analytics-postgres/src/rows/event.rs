//! Events' rows.

use std::collections::BTreeSet;

use sqlx::Row;
use sqlx::postgres::PgConnection;

use spark_analytics_core::backend::{Batch, EventId, EventWrite, WriteSet};
use spark_analytics_core::{Day, Dedup, Error, Event, Receipt, Result, StoredEvent};

use crate::error::{POSTGRES, failed};
use crate::rows::job::JobNo;
use crate::statement::Rows;
use crate::value::Columns;

/// The first provisional id, below all stored ones: [`plan`](spark_analytics_core::backend::plan()) counts from here, and
/// the database replaces these ids with its own.
pub(crate) const FIRST_NEW: i64 = i64::MIN;

/// The stored events under the identities of a batch.
pub(crate) struct Events {
    /// The stored event of each identity.
    pub(crate) held: Vec<Option<StoredEvent>>,
    /// The ids of the others, ascending. Their first events are inserted already, so that the index is searched once
    /// both to find an event and to insert it.
    new: Vec<i64>,
}

/// An identity of a batch: its place among them, its job, and its event.
#[derive(Clone, Copy)]
struct Identity<'b> {
    place: usize,
    job: JobNo,
    event: &'b Event,
}

impl Events {
    /// Inserts the first event of each new identity, with the given ids, and reads the stored events of the others.
    pub(crate) async fn insert_or_read(
        connection: &mut PgConnection,
        batch: &Batch,
        dedup: Dedup,
        jobs: &[JobNo],
        pruned_before: Day,
        removed: &[bool],
        ids: &[i64],
    ) -> Result<Self> {
        let identities = batch.identities().zip(batch.first_events()).enumerate();
        // Events that are refused need not be looked up.
        let taken = identities.filter(|(_, ((job, _), event))| {
            !removed[*job] && event.timestamp().day() >= pruned_before
        });
        let taken: Vec<Identity<'_>> = taken
            .map(|(place, ((job, _), event))| Identity { place, job: jobs[job], event })
            .collect();
        let mut held = vec![None; batch.identities().len()];
        let ids = &ids[..taken.len()];
        let new = insert(connection, dedup, &taken, ids).await.map_err(failed("insert events"))?;
        let known = taken.iter().zip(ids).filter(|(_, id)| new.binary_search(id).is_err());
        let known: Vec<Identity<'_>> = known.map(|(identity, _)| *identity).collect();
        let read = read(connection, dedup, &known).await?;
        if read.len() < known.len() {
            let reason = "events were deleted by another program while they were being read: retry";
            return Err(Error::unavailable(POSTGRES, reason));
        }
        for (place, stored) in read {
            held[place] = Some(stored);
        }
        Ok(Self { held, new })
    }

    /// Replaces provisional ids with those of the database, and updates events that a later event of the batch replaced.
    pub(crate) async fn write(
        self,
        connection: &mut PgConnection,
        writes: &mut WriteSet,
        dedup: Dedup,
        jobs: &[JobNo],
    ) -> sqlx::Result<()> {
        let number = |id: i64| match id < 0 {
            true => self.new[(id - FIRST_NEW) as usize],
            false => id,
        };
        let mut replaced = Vec::new();
        for receipt in &mut writes.receipts {
            match receipt {
                Receipt::Recorded(id) | Receipt::Duplicate(id) => *id = number(*id),
                Receipt::Replaced(id) => {
                    replaced.push(*id);
                    *id = number(*id);
                }
                Receipt::TooOld => {}
            }
        }
        replaced.sort_unstable();
        let is_replaced = |write: &&EventWrite| replaced.binary_search(&write.id).is_ok();
        let inserted = writes.inserts.iter().filter(is_replaced);
        let updates: Vec<&EventWrite> = inserted.chain(&writes.updates).collect();
        let ids = updates.iter().map(|write| (jobs[write.job], write.event.id(dedup)));
        keys(ids)
            .column(updates.iter().map(|write| write.event.raw()))
            .execute(
                connection,
                "UPDATE spark_events AS old SET raw = new.raw \
                 FROM {rows} AS new (app_no, job_id, time_us, type, task_key, raw) \
                 WHERE old.app_no = new.app_no AND old.job_id = new.job_id \
                 AND old.time_us = new.time_us AND old.type = new.type \
                 AND old.task_key = new.task_key",
            )
            .await
    }
}

/// Deletes all events of jobs.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    jobs: &BTreeSet<JobNo>,
) -> sqlx::Result<()> {
    Rows::default()
        .column(jobs.iter().map(|(app, _)| *app))
        .column(jobs.iter().map(|(_, job)| *job))
        .execute(
            connection,
            "DELETE FROM spark_events AS old USING {rows} AS gone (app_no, job_id) \
             WHERE old.app_no = gone.app_no AND old.job_id = gone.job_id",
        )
        .await
}

/// The ids of the inserted events, ascending.
async fn insert(
    connection: &mut PgConnection,
    dedup: Dedup,
    identities: &[Identity<'_>],
    ids: &[i64],
) -> sqlx::Result<Vec<i64>> {
    let rows = keys(identities.iter().map(|identity| (identity.job, identity.event.id(dedup))))
        .column(identities.iter().map(|identity| identity.event.raw()))
        .column(ids.iter().copied())
        .fetch(
            connection,
            "WITH new AS (INSERT INTO spark_events \
             (app_no, job_id, time_us, type, task_key, raw, id) \
             SELECT * FROM {rows} ON CONFLICT DO NOTHING RETURNING id) \
             SELECT coalesce(array_agg(id), '{}') FROM new",
        )
        .await?;
    let ids = rows.first().map(|row| row.try_get::<Vec<i64>, _>(0)).transpose()?;
    let mut ids = ids.unwrap_or_default();
    ids.sort_unstable();
    Ok(ids)
}

/// The events that are stored under identities, with the indices of these identities.
async fn read(
    connection: &mut PgConnection,
    dedup: Dedup,
    identities: &[Identity<'_>],
) -> Result<Vec<(usize, StoredEvent)>> {
    let rows = keys(identities.iter().map(|identity| (identity.job, identity.event.id(dedup))))
        .column(identities.iter().map(|identity| identity.place as i64))
        .fetch(
            connection,
            "SELECT app_no, job_id, id, raw, place \
             FROM {rows} AS asked (app_no, job_id, time_us, type, task_key, place) \
             JOIN spark_events USING (app_no, job_id, time_us, type, task_key)",
        )
        .await
        .map_err(failed("read events"))?;
    let events = rows.iter().map(|row| {
        let mut columns = Columns::new(row, "spark_events", 3);
        let stored = stored_event(&mut columns)?;
        Ok((columns.place()?, stored))
    });
    events.collect()
}

/// The columns of identities.
fn keys<'e>(ids: impl Iterator<Item = (JobNo, EventId<'e>)>) -> Rows {
    let ids: Vec<(JobNo, EventId<'e>)> = ids.collect();
    Rows::default()
        .column(ids.iter().map(|((app_no, _), _)| *app_no))
        .column(ids.iter().map(|((_, job_id), _)| *job_id))
        .column(ids.iter().map(|(_, id)| id.timestamp.as_micros()))
        .column(ids.iter().map(|(_, id)| i16::from(id.event_type.code())))
        .column(ids.iter().map(|(_, id)| id.task))
}

/// Reads the columns `app_no`, `job_id`, `id` and `raw`.
pub(crate) fn stored_event(columns: &mut Columns<'_>) -> Result<StoredEvent> {
    let (_app_no, _job_id): (i64, i64) = (columns.get()?, columns.get()?);
    let id = columns.get()?;
    let event = Event::from_stored(columns.get()?).map_err(|error| columns.damaged(error))?;
    Ok(StoredEvent { id, event })
}
