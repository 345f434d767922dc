//! Taking a batch of events.

use std::collections::BTreeSet;

use spark_analytics_core::{Batch, Day, Event, Held, JobKey, Receipt, Result, plan};

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
        let Locked { mut transaction, jobs: mut records, mut made } =
            self.lock_jobs(rows(&batch, &jobs)).await?;
        let connection = &mut *transaction;

        let pruned_before: Option<i32> =
            sqlx::query_scalar("SELECT pruned_before_day FROM spark_meta WHERE only_row")
                .fetch_one(&mut *connection)
                .await
                .map_err(failed("read what is held"))?;
        let pruned_before = pruned_before.map_or(Day::MIN, Day::from_number);
        let mut events =
            Events::insert_or_read(connection, &batch, self.dedup, &jobs, pruned_before).await?;
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
        job_row::write(connection, &writes.jobs, |write| jobs[write.index], &mut made)
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
