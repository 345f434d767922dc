//! The numbers of applications' attempts, by which all other tables refer to them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use spark_analytics_core::{AttemptKey, Result};
use sqlx::postgres::PgConnection;

use crate::PostgresStore;
use crate::error::failed;
use crate::statement::Rows;
use crate::transaction::{BEGIN, Transaction};

/// How many numbers are cached.
const MOST: usize = 10_000;

/// A cache of known numbers, which never change.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Mutex<HashMap<AttemptKey, i64>>);

impl Numbers {
    fn known(&self) -> MutexGuard<'_, HashMap<AttemptKey, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PostgresStore {
    /// Forgets all numbers: a database that had to be restored, or a replica that took over, may lack some.
    pub(crate) fn forget_numbers(&self) {
        self.numbers.known().clear();
    }

    /// The number of each attempt. An attempt without one is numbered immediately, in a separate commit: a number alone
    /// stores no fact.
    pub(crate) async fn numbers(
        &self,
        apps: BTreeSet<AttemptKey>,
    ) -> Result<HashMap<AttemptKey, i64>> {
        let (mut numbers, mut unknown) = (HashMap::new(), Vec::new());
        {
            let known = self.numbers.known();
            for app in apps {
                match known.get(&app) {
                    Some(number) => drop(numbers.insert(app, *number)),
                    None => unknown.push(app),
                }
            }
        }
        if unknown.is_empty() {
            return Ok(numbers);
        }
        let found = self.find_or_number(&unknown).await.map_err(failed("number applications"))?;
        let mut known = self.numbers.known();
        if known.len() + found.len() > MOST {
            known.clear();
        }
        known.extend(found.iter().take(MOST).map(|(app, number)| (app.clone(), *number)));
        numbers.extend(found);
        Ok(numbers)
    }

    async fn find_or_number(&self, apps: &[AttemptKey]) -> sqlx::Result<Vec<(AttemptKey, i64)>> {
        let mut transaction = Transaction::begin(&self.pool, BEGIN).await?;
        let mut found = find(&mut transaction, apps).await?;
        if found.len() < apps.len() {
            keys(apps)
                .execute(
                    &mut transaction,
                    "INSERT INTO spark_attempts (app_id, attempt_id) \
                     SELECT app_id, attempt_id FROM {rows} AS new (app_id, attempt_id) \
                     WHERE NOT EXISTS (SELECT FROM spark_attempts AS old \
                     WHERE (old.app_id, old.attempt_id) = (new.app_id, new.attempt_id)) \
                     ORDER BY app_id, attempt_id ON CONFLICT DO NOTHING",
                )
                .await?;
            found = find(&mut transaction, apps).await?;
        }
        transaction.commit().await?;
        if found.len() < apps.len() {
            return Err(sqlx::Error::RowNotFound);
        }
        Ok(found)
    }
}

/// The numbers of all attempts of an application.
pub(crate) async fn of_app(
    connection: &mut PgConnection,
    app_id: &str,
) -> sqlx::Result<Vec<(i64, String)>> {
    sqlx::query_as("SELECT app_no, attempt_id FROM spark_attempts WHERE app_id = $1")
        .bind(app_id)
        .fetch_all(connection)
        .await
}

async fn find(
    connection: &mut PgConnection,
    apps: &[AttemptKey],
) -> sqlx::Result<Vec<(AttemptKey, i64)>> {
    use sqlx::Row;

    let rows = keys(apps)
        .fetch(
            connection,
            "SELECT app_id, attempt_id, app_no FROM {rows} AS asked (app_id, attempt_id) \
             JOIN spark_attempts USING (app_id, attempt_id)",
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                AttemptKey { app_id: row.try_get(0)?, attempt_id: row.try_get(1)? },
                row.try_get(2)?,
            ))
        })
        .collect()
}

fn keys(apps: &[AttemptKey]) -> Rows {
    Rows::default()
        .column(apps.iter().map(|app| app.app_id.as_str()))
        .column(apps.iter().map(|app| app.attempt_id.as_str()))
}
