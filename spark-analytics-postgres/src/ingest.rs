//! Taking a batch of events.

use std::collections::BTreeSet;

use spark_analytics_core::{Batch, Day, Event, Held, JobKey, Receipt, Result, Source, plan};

use crate::PostgresStore;
use crate::event_row::{Events, FIRST_NEW};
use crate::failure::failed;
use crate::lock::{self, JobNo, JobRow, Locked};
use crate::{job_row, rollup_row};

impl PostgresStore {
    pub(crate) async fn take(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::new(events, self.dedup);
        let jobs = self.job_numbers(&batch).await?;
        let Locked { mut transaction, rows, mut made } =
            self.lock_jobs(rows(&batch, &jobs)).await?;
        let connection = &mut *transaction;

        // Ids come from a sequence, which no writer waits for; ascending, and nobody else gets them.
        let (pruned_before, ids): (Option<i32>, Vec<i64>) = sqlx::query_as(
            "SELECT pruned_before_day, ARRAY(SELECT nextval('spark_event_ids') \
             FROM generate_series(1, $1)) FROM spark_meta WHERE only_row",
        )
        .bind(batch.identities().len() as i64)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("read what is held"))?;
        let pruned_before = pruned_before.map_or(Day::MIN, Day::from_number);
        // The database inserts while the jobs' records are made out.
        let (events, records) = tokio::join!(
            biased;
            Events::insert_or_read(connection, &batch, self.dedup, &jobs, pruned_before, &ids),
            async { job_row::records(&rows) },
        );
        let (mut events, mut records) = (events?, records?);
        let held = Held {
            pruned_before,
            next_event_id: FIRST_NEW,
            jobs: jobs.iter().map(|no| records.remove(no).unwrap_or_default()).collect(),
            events: std::mem::take(&mut events.held),
        };
        let mut writes = plan(batch, held);

        events
            .write(connection, &mut writes, self.dedup, &jobs)
            .await
            .map_err(failed("replace events"))?;
        job_row::write(
            connection,
            &writes.jobs,
            |write| jobs[write.index],
            Source::Events,
            &mut made,
        )
        .await
        .map_err(failed("write jobs"))?;
        lock::delete(connection, &made).await.map_err(failed("write jobs"))?;
        rollup_row::add(self, connection, writes.rollups).await?;
        transaction.commit().await.map_err(failed("commit"))?;
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
