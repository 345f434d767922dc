//! Ingesting a batch of events.

use std::collections::BTreeSet;

use spark_analytics_core::backend::{Batch, Held, plan};
use spark_analytics_core::{AttemptKey, Day, Event, FigureSource, JobKey, Receipt, Result};

use crate::PostgresStore;
use crate::error::failed;
use crate::lock::{self, JobRow, Locked};
use crate::rows::event::{Events, FIRST_NEW};
use crate::rows::job::{self, JobNo};
use crate::rows::rollup;

pub(crate) async fn ingest(store: &PostgresStore, events: Vec<Event>) -> Result<Vec<Receipt>> {
    ingest_batch(store, events).await.inspect_err(|_| store.forget_numbers())
}

async fn ingest_batch(store: &PostgresStore, events: Vec<Event>) -> Result<Vec<Receipt>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch::new(events, store.dedup);
    let jobs = job_numbers(store, &batch).await?;
    let Locked { mut transaction, rows, mut made } = store.lock_jobs(rows(&batch, &jobs)).await?;
    let connection = &mut *transaction;

    // Ids come from a sequence, on which writers do not wait. They ascend, and no other writer gets the same ones.
    let (pruned_before, ids, removed): (Option<i32>, Vec<i64>, Vec<i64>) = sqlx::query_as(
        "SELECT pruned_before_day, ARRAY(SELECT nextval('spark_event_ids') \
         FROM generate_series(1, $1)), ARRAY(SELECT app_no FROM spark_removed_attempts \
         WHERE app_no = ANY($2)) FROM spark_meta WHERE only_row",
    )
    .bind(batch.identities().len() as i64)
    .bind(jobs.iter().map(|(app, _)| *app).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>())
    .fetch_one(&mut *connection)
    .await
    .map_err(failed("read the current state"))?;
    let pruned_before = pruned_before.map_or(Day::MIN, Day::from_number);
    let removed: Vec<bool> = jobs.iter().map(|(app, _)| removed.contains(app)).collect();
    // The database inserts the events while the jobs' records are computed.
    let (events, records) = tokio::join!(
        biased;
        Events::insert_or_read(connection, &batch, store.dedup, &jobs, pruned_before, &removed, &ids),
        async { job::records(&rows) },
    );
    let (mut events, mut records) = (events?, records?);
    let held = Held {
        pruned_before,
        next_event_id: FIRST_NEW,
        jobs: jobs.iter().map(|no| records.remove(no).unwrap_or_default()).collect(),
        events: std::mem::take(&mut events.held),
        removed,
    };
    let mut writes = plan(batch, held);

    events
        .write(connection, &mut writes, store.dedup, &jobs)
        .await
        .map_err(failed("replace events"))?;
    job::write(
        connection,
        &writes.jobs,
        |write| jobs[write.index],
        FigureSource::Events,
        &mut made,
    )
    .await
    .map_err(failed("write jobs"))?;
    lock::delete(connection, &made).await.map_err(failed("write jobs"))?;
    rollup::add(store, connection, writes.rollups).await?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(writes.receipts)
}

/// The keys of a batch's jobs, in their order.
async fn job_numbers(store: &PostgresStore, batch: &Batch) -> Result<Vec<JobNo>> {
    let app = |key: &JobKey| AttemptKey::new(&*key.app_id, &*key.attempt_id);
    let apps: BTreeSet<_> = batch.jobs().map(app).collect();
    let numbers = store.numbers(apps).await?;
    Ok(batch.jobs().map(|key| (numbers[&app(key)], key.job_id)).collect())
}

fn rows<'b>(batch: &'b Batch, jobs: &[JobNo]) -> Vec<JobRow<'b>> {
    let rows = jobs.iter().zip(batch.jobs()).map(|(no, key)| JobRow {
        no: *no,
        app_id: &key.app_id,
        attempt_id: &key.attempt_id,
    });
    rows.collect()
}
