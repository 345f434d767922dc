//! The jobs of an event log, with no store: `cargo run --example read_log -- examples/eventlogs/local-1795465776192`.

use spark_analytics_eventlog::read_log;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("which log? read_log PATH")?;
    let log = read_log(&path)?;
    println!("{}", log.snapshot.application.name);
    for job in &log.snapshot.jobs {
        let tasks = &job.tasks;
        println!("job {}: {} tasks, {} failed", job.job_id, tasks.task_count(), tasks.failed);
    }
    for warning in &log.warnings {
        eprintln!("line {}: {}", warning.line, warning.reason);
    }
    Ok(())
}
