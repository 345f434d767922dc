//! Figures of jobs in your own program, kept in a SQLite file: `cargo run --example embed`.

use spark_analytics_core::{Analytics, Event, JobKey};
use spark_analytics_sqlite::SqliteStore;

const EVENTS: [&str; 3] = [
    r#"{"event":"SparkListenerJobStart","job_id":7,"timestamp":"2024-03-30T10:12:45Z","user":"ada"}"#,
    r#"{"event":"SparkListenerTaskEnd","job_id":7,"timestamp":"2024-03-30T10:12:49Z","user":"ada",
        "task_id":"t1","duration_ms":3900,"successful":true}"#,
    r#"{"event":"SparkListenerJobEnd","job_id":7,"timestamp":"2024-03-30T10:12:50Z","user":"ada",
        "completion_time":"2024-03-30T10:12:50Z","job_result":"JobSucceeded"}"#,
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| "embed.db".into());
    let analytics = Analytics::new(SqliteStore::open(path).await?);
    // Running it again changes nothing: the store recognises the events.
    let events = EVENTS.into_iter().map(Event::from_json).collect::<Result<_, _>>()?;
    analytics.ingest(events).await?;
    let job = analytics.job(&JobKey::new(7)).await?.ok_or("the job has not ended")?;
    println!(
        "job 7 of {}: {} s, {} tasks",
        job.user,
        job.duration_seconds(),
        job.tasks.task_count()
    );
    Ok(())
}
