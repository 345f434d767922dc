//! Ingesting a batch of events.

use sqlx::SqliteConnection;

use spark_analytics_core::backend::{Batch, Held, JobWrite, plan};
use spark_analytics_core::{Day, Event, FigureSource, JobRecord, Receipt, Result};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::event;
use crate::rows::job::{self, NumberedJob, RECORD};
use crate::rows::{removed, rollup};
use crate::statement::Statement;
use crate::value::{Columns, next_id};

pub(crate) async fn ingest(store: &SqliteStore, events: Vec<Event>) -> Result<Vec<Receipt>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch::new(events, store.dedup);
    let mut writer = store.writer().await?;
    let mut transaction = writer.begin().await?;
    let (held, mut numbers) = load(&mut transaction, &batch).await?;
    let next_event_id = held.next_event_id;
    let writes = plan(batch, held);

    let jobs: Vec<NumberedJob<'_>> = writes.jobs.iter().map(|write| numbers.job(write)).collect();
    job::write(&mut transaction, &jobs, FigureSource::Events)
        .await
        .map_err(failed("write jobs"))?;
    event::insert(&mut transaction, store.dedup, &writes.inserts, |job| numbers.of(job))
        .await
        .map_err(failed("insert events"))?;
    event::update(&mut transaction, &writes.updates).await.map_err(failed("replace events"))?;
    if writes.next_event_id != next_event_id {
        sqlx::query("UPDATE spark_meta SET next_event_id = ?")
            .bind(writes.next_event_id)
            .execute(&mut *transaction)
            .await
            .map_err(failed("count events"))?;
    }
    rollup::add(&mut transaction, writes.rollups).await?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(writes.receipts)
}

/// The numbers of a batch's jobs; unknown jobs get one when they are written.
struct JobNumbers {
    of_job: Vec<Option<i64>>,
    next: i64,
}

impl JobNumbers {
    fn job<'a>(&mut self, write: &'a JobWrite) -> NumberedJob<'a> {
        let is_new = self.of_job[write.index].is_none();
        NumberedJob { job_no: self.of(write.index), is_new, write }
    }

    fn of(&mut self, job: usize) -> i64 {
        *self.of_job[job].get_or_insert_with(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

async fn load(connection: &mut SqliteConnection, batch: &Batch) -> Result<(Held, JobNumbers)> {
    let (pruned_before, next_event_id, last_job_no, has_removed): (
        Option<i32>,
        i64,
        Option<i64>,
        bool,
    ) = sqlx::query_as(
        "SELECT pruned_before_day, next_event_id, (SELECT max(job_no) FROM spark_jobs), \
             EXISTS (SELECT 1 FROM spark_removed_attempts) FROM spark_meta",
    )
    .fetch_one(&mut *connection)
    .await
    .map_err(failed("read the current state"))?;
    let next_event_id = next_id(next_event_id.checked_sub(1), "spark_meta")?;

    let mut jobs = vec![JobRecord::default(); batch.jobs().len()];
    let mut of_job = vec![None; jobs.len()];
    let find = Statement::select(RECORD, "spark_jobs", "app_id, attempt_id, job_id").with(
        batch.jobs().enumerate(),
        |values, (index, key)| {
            values.add(index as i64);
            values.add(key.app_id.as_str());
            values.add(key.attempt_id.as_str());
            values.add(key.job_id);
        },
    );
    for row in &find.fetch(connection).await.map_err(failed("read jobs"))? {
        let mut columns = Columns::new(row, "spark_jobs");
        let (job_no, record) = job::record(&mut columns)?;
        let index = columns.get::<i64>()? as usize;
        jobs[index] = record;
        of_job[index] = Some(job_no);
    }

    let events = event::load(connection, batch, &of_job).await?;
    let held = Held {
        pruned_before: pruned_before.map_or(Day::MIN, Day::from_number),
        next_event_id,
        jobs,
        events,
        removed: removed::of_jobs(connection, batch, has_removed).await?,
    };
    Ok((held, JobNumbers { of_job, next: next_id(last_job_no, "spark_jobs")? }))
}
