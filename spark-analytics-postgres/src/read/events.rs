//! Listing events.

use sqlx::QueryBuilder;

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::{EventCursor, JobKey, Result, StoredEvent};

use crate::PostgresStore;
use crate::error::failed;
use crate::rows::event::stored_event;
use crate::value::{Columns, cannot_be_held, until_nul};

pub(crate) async fn events(
    store: &PostgresStore,
    key: &JobKey,
    after: Option<&EventCursor>,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    if cannot_be_held(&[&key.app_id, &key.attempt_id]) {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::new(
        "SELECT app_no, job_id, id, raw FROM spark_events WHERE app_no = \
         (SELECT app_no FROM spark_attempts WHERE app_id = ",
    );
    query.push_bind(key.app_id.as_str());
    query.push(" AND attempt_id = ").push_bind(key.attempt_id.as_str());
    query.push(") AND job_id = ").push_bind(key.job_id);
    if let Some(after) = after {
        query.push(" AND (time_us, type, task_key) > (");
        query.push_bind(after.timestamp.as_micros());
        query.push(", ").push_bind(i16::from(after.event_type.code()));
        query.push(", ").push_bind(until_nul(&after.task)).push(")");
    }
    query.push(" ORDER BY time_us, type, task_key LIMIT ").push_bind(rows_limit(limit));
    let rows = query.build().fetch_all(&store.pool).await.map_err(failed("list events"))?;
    rows.iter().map(|row| stored_event(&mut Columns::new(row, "spark_events", 3))).collect()
}
