//! Listing events in their order.

use sqlx::QueryBuilder;

use spark_analytics_core::backend::rows_limit;
use spark_analytics_core::{EventCursor, JobKey, Result, StoredEvent};

use crate::SqliteStore;
use crate::error::failed;
use crate::rows::event::stored_event;
use crate::value::Columns;

pub(crate) async fn events(
    store: &SqliteStore,
    key: &JobKey,
    after: Option<&EventCursor>,
    limit: usize,
) -> Result<Vec<StoredEvent>> {
    let mut query = QueryBuilder::new(
        "SELECT id, raw FROM spark_events WHERE job_no = \
         (SELECT job_no FROM spark_jobs WHERE app_id = ",
    );
    query.push_bind(key.app_id.as_str());
    query.push(" AND attempt_id = ").push_bind(key.attempt_id.as_str());
    query.push(" AND job_id = ").push_bind(key.job_id).push(")");
    if let Some(after) = after {
        query.push(" AND (time_us, type, task_key) > (");
        query.push_bind(after.timestamp.as_micros());
        query.push(", ").push_bind(i64::from(after.event_type.code()));
        query.push(", ").push_bind(after.task.as_str()).push(")");
    }
    query.push(" ORDER BY time_us, type, task_key LIMIT ").push_bind(rows_limit(limit));
    let rows = query.build().fetch_all(&store.readers).await.map_err(failed("list events"))?;
    rows.iter().map(|row| stored_event(&mut Columns::new(row, "spark_events"))).collect()
}
