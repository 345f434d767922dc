//! Many processes write to one database.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use spark_analytics_core::Event;

use crate::support::again;
use crate::support::contested::{events, holds, open, schema, send, shuffled};

const JOBS: u64 = 1_000;
const EVENTS: usize = 200_000;

#[tokio::test]
#[ignore = "run by figures_are_exact_although_processes_shuffle_repeat_and_die"]
async fn a_process_sends_all_events_in_its_order() {
    let seed = std::env::var("SEED").unwrap().parse().unwrap();
    let store = open(&std::env::var("STORE").unwrap()).await;
    for batch in shuffled(&events(JOBS, EVENTS), seed).chunks(1_000) {
        send(&store, batch).await;
        println!("batch");
    }
}

fn process(url: &str, seed: u64) -> Child {
    again::command("processes::a_process_sends_all_events_in_its_order")
        .env("STORE", url)
        .env("SEED", seed.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads the output of a process until it has sent this many batches or has ended.
fn follow(process: &mut Child, mut batches: usize) -> usize {
    let mut sent = 0;
    for line in BufReader::new(process.stdout.as_mut().unwrap()).lines() {
        sent += usize::from(line.unwrap() == "batch");
        if sent == batches {
            break;
        }
        batches = batches.max(sent);
    }
    sent
}

#[tokio::test]
async fn figures_are_exact_although_processes_shuffle_repeat_and_die() {
    let url = schema("processes").await;
    let begun = Instant::now();
    let others: Vec<_> = (1..4)
        .map(|seed| {
            let mut process = process(&url, seed);
            std::thread::spawn(move || {
                follow(&mut process, usize::MAX);
                assert!(process.wait().unwrap().success());
            })
        })
        .collect();
    let mut killed = process(&url, 4);
    assert_eq!(follow(&mut killed, 100), 100);
    killed.kill().unwrap();
    assert!(!killed.wait().unwrap().success());
    let mut again = process(&url, 4);
    assert_eq!(follow(&mut again, usize::MAX), 231);
    assert!(again.wait().unwrap().success());
    others.into_iter().for_each(|other| other.join().unwrap());
    println!("sent after {:?}", begun.elapsed());

    let events: Vec<Event> = events(JOBS, EVENTS);
    holds(open(&url).await, &events).await;
    println!("compared after {:?}", begun.elapsed());
}
