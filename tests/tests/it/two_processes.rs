//! Processes that share a file: with redb one at a time, with SQLite any number.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;

use spark_analytics_conformance::Dump;
use spark_analytics_core::{Day, Error, Event, Store};
use tempfile::TempDir;

use crate::support::again;
use crate::support::contested::{events, expected, shuffled};
use crate::support::on_file::{OnFile, Redb, Sqlite, holds, whole_job};

fn process(test: &str, path: &Path, seed: u64) -> Child {
    let mut command = again::command(test);
    command.env("STORE", path).env("SEED", seed.to_string());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Reads the output of a process until a line has appeared this many times.
fn wait_for(process: &mut Child, word: &str, mut times: usize) {
    let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
    while times > 0 {
        times -= usize::from(lines.next().expect("says it before its end").unwrap() == word);
    }
}

fn path() -> String {
    std::env::var("STORE").expect("run by another test")
}

#[tokio::test]
#[ignore = "run by a_second_process_is_refused_a_redb_file_until_the_first_has_exited"]
async fn a_process_has_the_redb_file() {
    let store = Redb::open(Path::new(&path())).await.unwrap();
    store.ingest(whole_job(1, 1)).await.unwrap();
    println!("\nhas it");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_second_process_is_refused_a_redb_file_until_the_first_has_exited() {
    for is_killed in [false, true] {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("store");
        let mut first = process("two_processes::a_process_has_the_redb_file", &path, 0);
        wait_for(&mut first, "has it", 1);
        for _ in 0..2 {
            let refused = Redb::open(&path).await.unwrap_err();
            assert!(matches!(refused, Error::Unavailable { .. }), "{refused}");
            assert_eq!(
                refused.to_string(),
                format!(
                    "the redb store cannot be used now: `{}` is already open, in another process or in this one: close it there first; redb allows one \
                     opener at a time",
                    path.display()
                )
            );
        }
        if is_killed {
            first.kill().unwrap();
        }
        drop(first.stdin.take());
        assert_eq!(first.wait().unwrap().success(), !is_killed);
        let store = Redb::open(&path).await.unwrap();
        holds(&store, &whole_job(1, 1)).await;
        store.ingest(whole_job(2, 1)).await.unwrap();
        holds(&store, &[whole_job(1, 1), whole_job(2, 1)].concat()).await;
        store.close().await.unwrap();
        Redb::check_integrity(&path).await;
    }
}

const JOBS: u64 = 60;
const EVENTS: usize = 3_000;
const BATCH: usize = 60;

#[tokio::test]
#[ignore = "run by processes_share_a_sqlite_file_although_some_die"]
async fn a_process_writes_to_the_sqlite_file() {
    let seed = std::env::var("SEED").unwrap().parse().unwrap();
    let store = Sqlite::open(Path::new(&path())).await.unwrap();
    println!();
    for batch in shuffled(&events(JOBS, EVENTS), seed).chunks(BATCH) {
        send(&store, batch).await;
        println!("batch");
    }
    store.close().await.unwrap();
}

/// Sends a batch until it is accepted: other processes may hold the file for longer than the store waits.
async fn send(store: &Arc<dyn Store>, batch: &[Event]) {
    for _ in 0..100 {
        match store.ingest(batch.to_vec()).await {
            Err(error @ Error::Unavailable { .. }) => eprintln!("{error}"),
            taken => {
                assert_eq!(taken.unwrap().len(), batch.len());
                return;
            }
        }
    }
    panic!("others have held the file a hundred times");
}

#[tokio::test]
async fn processes_share_a_sqlite_file_although_some_die() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store");
    let test = "two_processes::a_process_writes_to_the_sqlite_file";
    let mut killed = process(test, &path, 1);
    let mut others = [2, 3].map(|seed| process(test, &path, seed));
    wait_for(&mut killed, "batch", 7);
    killed.kill().unwrap();
    killed.wait().unwrap();

    let store = Sqlite::open(&path).await.unwrap();
    for batch in shuffled(&events(JOBS, EVENTS), 4).chunks(BATCH).take(10) {
        send(&store, batch).await;
        // No job counts twice, no matter which process wrote it.
        let days = store.rollups(Day::MIN, Day::MAX, None).await.unwrap();
        assert!(days.iter().map(|(_, day)| day.jobs()).sum::<i64>() <= JOBS as i64);
    }
    for other in &mut others {
        wait_for(other, "batch", (EVENTS + EVENTS / 20) * 11 / 10 / BATCH);
        // It may still print.
        std::io::copy(other.stdout.as_mut().unwrap(), &mut std::io::sink()).unwrap();
        assert!(other.wait().unwrap().success());
    }
    let dump = Dump::of(&store).await.unwrap();
    assert!(dump == expected(&events(JOBS, EVENTS)), "figures");
    store.close().await.unwrap();
    Sqlite::check_integrity(&path).await;
}
