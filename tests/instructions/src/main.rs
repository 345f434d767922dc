//! The work whose instructions are counted: `spark-analytics-instructions CASE ROUNDS [LOG]` prepares the input of a case and
//! processes it ROUNDS times. The difference between two numbers of rounds is the cost of the rounds, without preparation
//! and one-time costs. It prints the number of items in a round. scripts/check/instructions runs it.

use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;

use spark_analytics_conformance::Workload;
use spark_analytics_core::backend::{Batch, Held, HeldLog, JobFold, plan, plan_log};
use spark_analytics_core::{Dedup, Event, JobKey, JobRecord, Store};
use spark_analytics_eventlog::read_log;
use spark_analytics_redb::RedbStore;
use spark_analytics_sqlite::SqliteStore;

/// The maximum number of rounds. Inputs are always prepared for all of them.
const MOST_ROUNDS: usize = 4;
/// Events of a round.
const ROWS: usize = 1_000;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [case, rounds, log @ ..] = &arguments[..] else {
        return Err("usage: spark-analytics-instructions CASE ROUNDS [LOG]".into());
    };
    let rounds: usize = rounds.parse()?;
    if rounds > MOST_ROUNDS {
        return Err(format!("at most {MOST_ROUNDS} rounds").into());
    }
    let log = || log.first().ok_or("this case needs a log");
    match case.as_str() {
        "parse" => parse(rounds)?,
        "fold" => fold(rounds),
        "plan-few" => plan_batches(50, rounds),
        "plan-many" => plan_batches(10_000, rounds),
        "plan-log" => plan_logs(log()?, rounds)?,
        "read-log" => read_logs(log()?, rounds)?,
        "sqlite" | "redb" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("store");
            if case == "sqlite" {
                runtime
                    .block_on(async { ingest(&SqliteStore::open(path).await?, rounds).await })?;
            } else {
                runtime.block_on(async {
                    ingest(&RedbStore::options().create(path).await?, rounds).await
                })?;
            }
        }
        other => return Err(format!("no case {other}").into()),
    }
    Ok(())
}

fn parse(rounds: usize) -> Result {
    let events = Workload::new(500, 1).batch(2 * ROWS);
    for _ in 0..rounds {
        for event in &events[ROWS..] {
            black_box(Event::from_json(black_box(event.raw()))?);
        }
    }
    println!("{ROWS} events");
    Ok(())
}

fn fold(rounds: usize) {
    let events = Workload::new(50, 1).batch(100 + ROWS);
    for _ in 0..rounds {
        let mut folds: [JobFold; 50] = std::array::from_fn(|_| JobFold::default());
        for event in &events[100..] {
            folds[event.job().job_id as usize].add(black_box(event));
        }
        black_box(folds);
    }
    println!("{ROWS} events");
}

/// Batches of jobs that have ended, with what a store holds of them.
fn plan_batches(jobs: usize, rounds: usize) {
    let mut workload = Workload::new(jobs as u64, 1);
    let mut records: HashMap<JobKey, JobRecord> = HashMap::new();
    for event in workload.batch(2 * jobs + 4 * ROWS) {
        records.entry(event.job().clone()).or_default().events.add(&event);
    }
    let inputs: [_; MOST_ROUNDS] = std::array::from_fn(|_| {
        let events = workload.batch(ROWS);
        let batch = Batch::new(events.clone(), Dedup::WithTask);
        let held = Held {
            next_event_id: 1,
            jobs: batch.jobs().map(|key| records.get(key).cloned().unwrap_or_default()).collect(),
            events: batch.identities().map(|_| None).collect(),
            ..Held::default()
        };
        (events, held)
    });
    let mut inputs = inputs.into_iter();
    for (events, held) in inputs.by_ref().take(rounds) {
        let _ = black_box(plan(Batch::new(events, Dedup::WithTask), held));
    }
    // Remaining input is leaked, because dropping it would count, too.
    std::mem::forget(inputs);
    println!("{ROWS} events");
}

fn plan_logs(log: &str, rounds: usize) -> Result {
    let snapshot = read_log(log)?.snapshot;
    let logs: [_; MOST_ROUNDS] = std::array::from_fn(|_| snapshot.clone());
    let mut logs = logs.into_iter();
    for log in logs.by_ref().take(rounds) {
        let _ = black_box(plan_log(log, HeldLog::default()));
    }
    std::mem::forget(logs);
    println!("{} jobs", snapshot.jobs.len());
    Ok(())
}

fn read_logs(log: &str, rounds: usize) -> Result {
    for _ in 0..rounds {
        println!("{} lines", black_box(read_log(log)?).lines);
    }
    Ok(())
}

async fn ingest(store: &impl Store, rounds: usize) -> Result {
    let mut workload = Workload::new(1_000, 1);
    for _ in 0..4 {
        store.ingest(workload.batch(ROWS)).await?;
    }
    let batches: [_; MOST_ROUNDS] = std::array::from_fn(|_| workload.batch(ROWS));
    let mut batches = batches.into_iter();
    for batch in batches.by_ref().take(rounds) {
        store.ingest(batch).await?;
    }
    std::mem::forget(batches);
    store.close().await?;
    println!("{ROWS} events");
    Ok(())
}
