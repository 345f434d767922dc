//! Locks on jobs' rows, held until the transaction ends: a writer locks the rows of all jobs that it changes.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{Error, Result};

use crate::PostgresStore;
use crate::error::{Kind, POSTGRES, failed};
use crate::rows::job::{JobNo, RECORD};
use crate::statement::Rows;
use crate::transaction::Transaction;

/// A job to be locked, with its application's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JobRow<'a> {
    pub(crate) no: JobNo,
    pub(crate) app_id: &'a str,
    pub(crate) attempt_id: &'a str,
}

/// A transaction that has locked jobs' rows.
#[derive(Debug)]
pub(crate) struct Locked {
    pub(crate) transaction: Transaction,
    /// The rows of the jobs.
    pub(crate) rows: Vec<PgRow>,
    /// Jobs whose rows were inserted in order to be locked: rows that are still empty at the end are deleted.
    pub(crate) made: BTreeSet<JobNo>,
}

/// How often to try again when rows were deleted before they could be locked.
const TRIES: usize = 100;

impl PostgresStore {
    /// Begins a write and locks jobs, again from the beginning if writers block each other.
    pub(crate) async fn lock_jobs(&self, jobs: Vec<JobRow<'_>>) -> Result<Locked> {
        let mut back_off = BackOff::new();
        // Most batches concern known jobs only.
        let mut makes_rows = false;
        for _ in 0..TRIES {
            match self.try_to_lock(&jobs, makes_rows).await {
                Ok((transaction, made, rows)) if rows.len() == jobs.len() => {
                    return Ok(Locked { transaction, rows, made });
                }
                Ok((transaction, ..)) => {
                    transaction.rollback().await.map_err(failed("lock jobs"))?;
                    makes_rows = true;
                }
                Err(error) => back_off.after(error).await.map_err(failed("lock jobs"))?,
            }
        }
        let reason = "jobs were deleted repeatedly while they were being written: retry";
        Err(Error::unavailable(POSTGRES, reason))
    }

    async fn try_to_lock(
        &self,
        jobs: &[JobRow<'_>],
        makes_rows: bool,
    ) -> sqlx::Result<(Transaction, BTreeSet<JobNo>, Vec<PgRow>)> {
        let mut transaction = self.begin().await?;
        let made = match makes_rows {
            true => insert(&mut transaction, jobs).await?,
            false => BTreeSet::new(),
        };
        let sql = format!(
            "SELECT {RECORD} FROM {{rows}} AS asked (app_no, job_id) \
             JOIN spark_jobs USING (app_no, job_id) \
             ORDER BY app_no, job_id FOR NO KEY UPDATE OF spark_jobs"
        );
        let rows = keys(jobs.iter().map(|job| job.no)).fetch(&mut transaction, &sql).await?;
        Ok((transaction, made, rows))
    }

    /// Begins a write and locks attempts and their jobs, again from the beginning if writers block each other.
    pub(crate) async fn lock_logs(
        &self,
        logs: &[(i64, &LogSnapshot)],
    ) -> Result<(Transaction, BTreeSet<JobNo>)> {
        let mut back_off = BackOff::new();
        loop {
            match self.try_to_lock_logs(logs).await {
                Ok(locked) => return Ok(locked),
                Err(error) => back_off.after(error).await.map_err(failed("lock applications"))?,
            }
        }
    }

    /// Begins to write, and locks attempts. It begins again if writers block each other.
    pub(crate) async fn lock_attempts(&self, apps: &BTreeSet<i64>) -> Result<Transaction> {
        let mut back_off = BackOff::new();
        loop {
            match self.try_to_lock_attempts(apps).await {
                Ok(locked) => return Ok(locked),
                Err(error) => back_off.after(error).await.map_err(failed("lock applications"))?,
            }
        }
    }

    async fn try_to_lock_attempts(&self, apps: &BTreeSet<i64>) -> sqlx::Result<Transaction> {
        let mut transaction = self.begin().await?;
        Rows::default()
            .column(apps.iter().copied())
            .execute(
                &mut transaction,
                "SELECT FROM {rows} AS asked (app_no) JOIN spark_attempts USING (app_no) \
                 ORDER BY app_no FOR UPDATE OF spark_attempts",
            )
            .await?;
        Ok(transaction)
    }

    /// The row of an attempt is locked by the writer of its logs; only its jobs have other writers.
    async fn try_to_lock_logs(
        &self,
        logs: &[(i64, &LogSnapshot)],
    ) -> sqlx::Result<(Transaction, BTreeSet<JobNo>)> {
        let apps: BTreeSet<i64> = logs.iter().map(|(app, _)| *app).collect();
        let mut transaction = self.try_to_lock_attempts(&apps).await?;
        let jobs = logs.iter().flat_map(|(app, log)| {
            log.jobs.iter().map(|job| JobRow {
                no: (*app, job.job_id),
                app_id: &log.application.app_id,
                attempt_id: &log.application.attempt_id,
            })
        });
        let jobs: BTreeSet<JobRow<'_>> = jobs.collect();
        let jobs: Vec<JobRow<'_>> = jobs.into_iter().collect();
        let made = insert(&mut transaction, &jobs).await?;
        Rows::default()
            .column(apps)
            .execute(
                &mut transaction,
                "SELECT FROM {rows} AS asked (app_no) JOIN spark_jobs USING (app_no) \
                 ORDER BY app_no, job_id FOR NO KEY UPDATE OF spark_jobs",
            )
            .await?;
        Ok((transaction, made))
    }
}

/// Inserts missing job rows in key order and returns which were new. It may block on concurrent inserts of the same
/// rows, so it must run before any lock is taken; otherwise two transactions could deadlock.
async fn insert(
    connection: &mut PgConnection,
    jobs: &[JobRow<'_>],
) -> sqlx::Result<BTreeSet<JobNo>> {
    let rows = keys(jobs.iter().map(|job| job.no))
        .column(jobs.iter().map(|job| job.app_id))
        .column(jobs.iter().map(|job| job.attempt_id))
        .fetch(
            connection,
            "INSERT INTO spark_jobs (app_no, job_id, app_id, attempt_id) \
             SELECT * FROM {rows} AS new (app_no, job_id, app_id, attempt_id) \
             WHERE NOT EXISTS (SELECT FROM spark_jobs AS old \
             WHERE old.app_no = new.app_no AND old.job_id = new.job_id) \
             ORDER BY app_no, job_id ON CONFLICT DO NOTHING RETURNING app_no, job_id",
        )
        .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Deletes rows.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    jobs: &BTreeSet<JobNo>,
) -> sqlx::Result<()> {
    keys(jobs.iter().copied())
        .execute(
            connection,
            "DELETE FROM spark_jobs AS old USING {rows} AS gone (app_no, job_id) \
             WHERE old.app_no = gone.app_no AND old.job_id = gone.job_id",
        )
        .await
}

fn keys(jobs: impl Iterator<Item = JobNo>) -> Rows {
    let (apps, ids): (Vec<i64>, Vec<i64>) = jobs.unzip();
    Rows::default().column(apps).column(ids)
}

/// The pauses between attempts that conflict, 1.3 to 2.6 s in all.
#[derive(Debug)]
struct BackOff {
    tries: u32,
}

impl BackOff {
    const TRIES: u32 = 8;

    const fn new() -> Self {
        Self { tries: 0 }
    }

    /// Waits if the call should be repeated after `error`; otherwise returns the error.
    async fn after(&mut self, error: sqlx::Error) -> sqlx::Result<()> {
        self.tries += 1;
        if Kind::of(&error) != Kind::Conflict || self.tries >= Self::TRIES {
            return Err(error);
        }
        let longest = Duration::from_millis(10) * 2u32.pow(self.tries);
        tokio::time::sleep(longest.mul_f64(0.5 + fraction() / 2.0)).await;
        Ok(())
    }
}

/// Between 0 and 1, different each time and in each process, so that writers do not collide again.
fn fraction() -> f64 {
    use std::hash::{BuildHasher, RandomState};
    f64::from(RandomState::new().hash_one(0u8) as u32) / f64::from(u32::MAX)
}
