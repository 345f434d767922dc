//! Events' rows.

use sqlx::SqliteConnection;

use spark_analytics_core::backend::{Batch, EventWrite};
use spark_analytics_core::{Dedup, Error, Event, Result, StoredEvent};

use crate::error::{SQLITE, failed};
use crate::statement::Statement;
use crate::value::Columns;

pub(crate) async fn load(
    connection: &mut SqliteConnection,
    batch: &Batch,
    of_job: &[Option<i64>],
) -> Result<Vec<Option<StoredEvent>>> {
    let mut events = vec![None; batch.identities().len()];
    // An unknown job has no events.
    let known: Vec<_> = batch
        .identities()
        .enumerate()
        .filter_map(|(index, (job, id))| Some((index, of_job[job]?, id)))
        .collect();
    let find = Statement::select("id, raw", "spark_events", "job_no, time_us, type, task_key")
        .with(known, |values, (index, job_no, id)| {
            values.add(index as i64);
            values.add(job_no);
            values.add(id.timestamp.as_micros());
            values.add(i64::from(id.event_type.code()));
            values.add(id.task);
        });
    for row in &find.fetch(connection).await.map_err(failed("read events"))? {
        let mut columns = Columns::new(row, "spark_events");
        let stored = stored_event(&mut columns)?;
        events[columns.get::<i64>()? as usize] = Some(stored);
    }
    Ok(events)
}

/// Reads the columns `id` and `raw`.
pub(crate) fn stored_event(columns: &mut Columns<'_>) -> Result<StoredEvent> {
    let id = columns.get()?;
    let event = Event::from_stored(columns.get()?)
        .map_err(|error| Error::damaged(SQLITE, format!("row {id} of spark_events"), error))?;
    Ok(StoredEvent { id, event })
}

pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    dedup: Dedup,
    events: &[EventWrite],
    mut job_no: impl FnMut(usize) -> i64,
) -> sqlx::Result<()> {
    let columns = "id, job_no, time_us, type, task_key, raw";
    let put = Statement::insert("INSERT OR FAIL INTO spark_events", columns);
    let rows = put.with(events, |values, write| {
        let id = write.event.id(dedup);
        values.add(write.id);
        values.add(job_no(write.job));
        values.add(id.timestamp.as_micros());
        values.add(i64::from(id.event_type.code()));
        values.add(id.task);
        values.add(write.event.raw());
    });
    rows.execute(connection).await
}

pub(crate) async fn update(
    connection: &mut SqliteConnection,
    events: &[EventWrite],
) -> sqlx::Result<()> {
    let put = Statement::update("spark_events", "id", "raw");
    let rows = put.with(events, |values, write| {
        values.add(write.id);
        values.add(write.event.raw());
    });
    rows.execute(connection).await
}
