//! Taking a batch of events.

use std::collections::BTreeSet;

use sqlx::Row;
use sqlx::postgres::PgConnection;

use spark_analytics_core::{
    Batch, Day, Dedup, Event, EventWrite, Held, JobKey, Receipt, Result, StoredEvent, WriteSet,
    plan,
};

use crate::PostgresStore;
use crate::columns::Columns;
use crate::failure::failed;
use crate::lock::{self, JobNo, JobRow, Locked};
use crate::rows::Rows;
use crate::{job_row, rollup_row};

/// Below all ids that are held: what [`plan`] numbers from here on is numbered by the database after it.
const FIRST_NEW: i64 = i64::MIN;

impl PostgresStore {
    pub(crate) async fn take(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::new(events, self.dedup);
        let jobs = self.job_numbers(&batch).await?;
        let mut locked = self.lock_jobs(rows(&batch, &jobs)).await?;
        let held = load(&mut locked, &batch, &jobs).await?;
        let mut writes = plan(batch, held);
        let connection = &mut *locked.transaction;
        number(connection, &mut writes).await.map_err(failed("number events"))?;
        job_row::write(connection, &writes.jobs, |write| jobs[write.index], &mut locked.made)
            .await
            .map_err(failed("write jobs"))?;
        lock::delete(connection, &locked.made).await.map_err(failed("write jobs"))?;
        insert(connection, self.dedup, &writes.inserts, &jobs)
            .await
            .map_err(failed("insert events"))?;
        update(connection, self.dedup, &writes.updates, &jobs)
            .await
            .map_err(failed("replace events"))?;
        rollup_row::add(self, connection, writes.rollups).await?;
        locked.transaction.commit().await.map_err(failed("commit"))?;
        Ok(writes.receipts)
    }

    /// The keys of a batch's jobs, in their order.
    async fn job_numbers(&self, batch: &Batch) -> Result<Vec<JobNo>> {
        let app = |key: &JobKey| (key.app_id.clone(), key.attempt_id.clone());
        let apps: BTreeSet<_> = batch.jobs().map(app).collect();
        let numbers = self.numbers(apps).await?;
        Ok(batch.jobs().map(|key| (numbers[&app(key)], key.job_id)).collect())
    }
}

fn rows<'b>(batch: &'b Batch, jobs: &[JobNo]) -> Vec<JobRow<'b>> {
    let rows = jobs.iter().zip(batch.jobs()).map(|(no, key)| JobRow {
        no: *no,
        app_id: &key.app_id,
        attempt_id: &key.attempt_id,
    });
    rows.collect()
}

async fn load(locked: &mut Locked, batch: &Batch, jobs: &[JobNo]) -> Result<Held> {
    let pruned_before: Option<i32> = sqlx::query_scalar("SELECT pruned_before_day FROM spark_meta")
        .fetch_one(&mut *locked.transaction)
        .await
        .map_err(failed("read what is held"))?;
    let events = load_events(locked, batch, jobs).await?;
    let jobs = jobs.iter().map(|no| locked.jobs.remove(no).unwrap_or_default());
    Ok(Held {
        pruned_before: pruned_before.map_or(Day::MIN, Day::from_number),
        next_event_id: FIRST_NEW,
        jobs: jobs.collect(),
        events,
    })
}

async fn load_events(
    locked: &mut Locked,
    batch: &Batch,
    jobs: &[JobNo],
) -> Result<Vec<Option<StoredEvent>>> {
    let mut events = vec![None; batch.identities().len()];
    // A job whose row was made just now has no events.
    let known = || {
        let identities = batch.identities().enumerate();
        let known = identities.map(|(place, (job, id))| (place, jobs[job], id));
        known.filter(|(_, job, _)| !locked.made.contains(job))
    };
    let find = Rows::default()
        .column(known().map(|(place, ..)| place as i64))
        .column(known().map(|(_, (app, _), _)| app))
        .column(known().map(|(_, (_, job), _)| job))
        .column(known().map(|(.., id)| id.timestamp.as_micros()))
        .column(known().map(|(.., id)| i16::from(id.event_type.code())))
        .column(known().map(|(.., id)| id.task));
    let rows = find
        .fetch(
            &mut locked.transaction,
            "SELECT app_no, job_id, id, raw, place \
             FROM {rows} AS asked (place, app_no, job_id, time_us, type, task_key) \
             JOIN spark_events USING (app_no, job_id, time_us, type, task_key)",
        )
        .await
        .map_err(failed("read events"))?;
    for row in &rows {
        let mut columns = Columns::new(row, "spark_events", 3);
        let stored = stored_event(&mut columns)?;
        events[columns.place()?] = Some(stored);
    }
    Ok(events)
}

/// Reads the columns `app_no`, `job_id`, `id` and `raw`.
pub(crate) fn stored_event(columns: &mut Columns<'_>) -> Result<StoredEvent> {
    let (_app_no, _job_id): (i64, i64) = (columns.get()?, columns.get()?);
    let id = columns.get()?;
    let event = Event::from_json(columns.get()?).map_err(|error| columns.damaged(error))?;
    Ok(StoredEvent { id, event })
}

/// Gives new events their ids. They come from a sequence, which no writer has to wait for.
async fn number(connection: &mut PgConnection, writes: &mut WriteSet) -> sqlx::Result<()> {
    let count = writes.next_event_id - FIRST_NEW;
    if count == 0 {
        return Ok(());
    }
    let rows = sqlx::query("SELECT nextval('spark_event_ids') FROM generate_series(1, $1)")
        .bind(count)
        .fetch_all(connection)
        .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?;
    let number = |id: &mut i64| {
        if *id < 0 {
            *id = ids[(*id - FIRST_NEW) as usize];
        }
    };
    for receipt in &mut writes.receipts {
        match receipt {
            Receipt::Recorded(id) | Receipt::Duplicate(id) | Receipt::Replaced(id) => number(id),
            Receipt::TooOld => {}
        }
    }
    writes.inserts.iter_mut().for_each(|write| number(&mut write.id));
    Ok(())
}

/// The columns of events: their identities and raw texts.
fn columns(dedup: Dedup, events: &[EventWrite], jobs: &[JobNo]) -> Rows {
    let ids = || events.iter().map(|write| write.event.id(dedup));
    Rows::default()
        .column(events.iter().map(|write| jobs[write.job].0))
        .column(events.iter().map(|write| jobs[write.job].1))
        .column(ids().map(|id| id.timestamp.as_micros()))
        .column(ids().map(|id| i16::from(id.event_type.code())))
        .column(ids().map(|id| id.task))
        .column(events.iter().map(|write| write.event.raw()))
}

async fn insert(
    connection: &mut PgConnection,
    dedup: Dedup,
    events: &[EventWrite],
    jobs: &[JobNo],
) -> sqlx::Result<()> {
    columns(dedup, events, jobs)
        .column(events.iter().map(|write| write.id))
        .execute(
            connection,
            "INSERT INTO spark_events (app_no, job_id, time_us, type, task_key, raw, id) \
             SELECT * FROM {rows}",
        )
        .await
}

async fn update(
    connection: &mut PgConnection,
    dedup: Dedup,
    events: &[EventWrite],
    jobs: &[JobNo],
) -> sqlx::Result<()> {
    columns(dedup, events, jobs)
        .execute(
            connection,
            "UPDATE spark_events AS old SET raw = new.raw \
             FROM {rows} AS new (app_no, job_id, time_us, type, task_key, raw) \
             WHERE old.app_no = new.app_no AND old.job_id = new.job_id \
             AND old.time_us = new.time_us AND old.type = new.type AND old.task_key = new.task_key",
        )
        .await
}
