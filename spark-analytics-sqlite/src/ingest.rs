//! Taking a batch of events.

use sqlx::SqliteConnection;

use spark_analytics_core::{
    Batch, Day, Dedup, Error, Event, EventWrite, Held, JobRecord, JobWrite, Receipt, Result,
    Source, StoredEvent, plan,
};

use crate::SqliteStore;
use crate::job_row::{self, NumberedJob, RECORD};
use crate::rollup_row;
use crate::statement::Statement;
use crate::store::failed;
use crate::value::{Columns, SQLITE, next_id};

impl SqliteStore {
    pub(crate) async fn take(&self, events: Vec<Event>) -> Result<Vec<Receipt>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::new(events, self.dedup);
        let mut writer = self.writer().await?;
        let mut transaction = writer.begin().await?;
        let (held, mut numbers) = load(&mut transaction, &batch).await?;
        let next_event_id = held.next_event_id;
        let writes = plan(batch, held);

        let jobs: Vec<NumberedJob<'_>> =
            writes.jobs.iter().map(|write| numbers.job(write)).collect();
        job_row::write(&mut transaction, &jobs, Source::Events)
            .await
            .map_err(failed("write jobs"))?;
        insert(&mut transaction, self.dedup, &writes.inserts, &mut numbers)
            .await
            .map_err(failed("insert events"))?;
        update(&mut transaction, &writes.updates).await.map_err(failed("replace events"))?;
        if writes.next_event_id != next_event_id {
            sqlx::query("UPDATE spark_meta SET next_event_id = ?")
                .bind(writes.next_event_id)
                .execute(&mut *transaction)
                .await
                .map_err(failed("count events"))?;
        }
        rollup_row::add(&mut transaction, writes.rollups).await?;
        transaction.commit().await.map_err(failed("commit"))?;
        Ok(writes.receipts)
    }
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
    let (pruned_before, next_event_id, last_job_no): (Option<i32>, i64, Option<i64>) =
        sqlx::query_as(
            "SELECT pruned_before_day, next_event_id, (SELECT max(job_no) FROM spark_jobs) \
             FROM spark_meta",
        )
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("read what is held"))?;
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
        let (job_no, record) = job_row::record(&mut columns)?;
        let index = columns.get::<i64>()? as usize;
        jobs[index] = record;
        of_job[index] = Some(job_no);
    }

    let events = load_events(connection, batch, &of_job).await?;
    let held = Held {
        pruned_before: pruned_before.map_or(Day::MIN, Day::from_number),
        next_event_id,
        jobs,
        events,
    };
    Ok((held, JobNumbers { of_job, next: next_id(last_job_no, "spark_jobs")? }))
}

async fn load_events(
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
    let event = Event::from_json(columns.get()?)
        .map_err(|error| Error::damaged(SQLITE, format!("row {id} of spark_events"), error))?;
    Ok(StoredEvent { id, event })
}

async fn insert(
    connection: &mut SqliteConnection,
    dedup: Dedup,
    events: &[EventWrite],
    numbers: &mut JobNumbers,
) -> sqlx::Result<()> {
    let columns = "id, job_no, time_us, type, task_key, raw";
    let put = Statement::insert("INSERT OR FAIL INTO spark_events", columns);
    let rows = put.with(events, |values, write| {
        let id = write.event.id(dedup);
        values.add(write.id);
        values.add(numbers.of(write.job));
        values.add(id.timestamp.as_micros());
        values.add(i64::from(id.event_type.code()));
        values.add(id.task);
        values.add(write.event.raw());
    });
    rows.execute(connection).await
}

async fn update(connection: &mut SqliteConnection, events: &[EventWrite]) -> sqlx::Result<()> {
    let put = Statement::update("spark_events", "id", "raw");
    let rows = put.with(events, |values, write| {
        values.add(write.id);
        values.add(write.event.raw());
    });
    rows.execute(connection).await
}
