//! Power loss and disk errors under stores in a file.
//!
//! Everything that a store does to its files is recorded. Every point of the recording is a possible crash: the files are
//! written as a crash there may leave them, and a store must open them and hold whole batches, including all that were
//! acknowledged.
//!
//! The tests try a sample of the crashes. `POWER_CRASHES` is their number for each test, and the number of faults of each
//! kind; `POWER_SEED` selects others. A failure prints its seed.
#![allow(clippy::unwrap_used)]

mod backend;
mod course;
mod disk;
mod io_errors;
mod redb_store;
mod sqlite_store;
#[path = "../support/mod.rs"]
mod support;
mod tape;
mod vfs;

use std::path::Path;

use spark_analytics_conformance::Dump;
use spark_analytics_core::{Event, Receipt, Store, Timestamp};
use tape::{Image, Loss, Replay, Step, Tape};

use support::random::Random;

fn number_in(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

fn seed() -> u64 {
    number_in("POWER_SEED", 1)
}

/// A file written by an older version.
fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)).unwrap()
}

/// How many crashes to try; `sample` by default.
fn crashes(sample: usize) -> usize {
    number_in("POWER_CRASHES", sample as u64) as usize
}

/// Crashes at `count` points of a tape, half of them at syncs in turn, and checks what is left each time.
fn crash(tape: &Tape, count: usize, mut check: impl FnMut(&Replay<'_>, Image, &mut Random)) {
    let mut random = Random::new(seed());
    let end = tape.steps.len();
    // Right before a sync most can be lost, right after it least.
    let is_sync = |at: &usize| matches!(tape.steps[*at], Step::Sync { .. } | Step::SyncNames);
    let syncs: Vec<usize> = (0..end).filter(is_sync).collect();
    let first = random.below(syncs.len().max(1));
    let mut points = Vec::with_capacity(count);
    for number in 0..count {
        points.push(match number % 4 {
            0..2 if !syncs.is_empty() => syncs[(first + number / 4) % syncs.len()] + number % 4,
            _ => random.below(end + 1),
        });
    }
    points.sort_unstable();
    println!("{count} crashes at {end} steps");
    let mut replay = Replay::new(tape);
    for (number, point) in points.into_iter().enumerate() {
        replay.go_to(point);
        let loss =
            [Loss::Some, Loss::Everything, Loss::Tail, Loss::Some, Loss::Nothing][random.below(5)];
        let image = replay.image(loss, &mut random);
        let _told = Told(format!(
            "seed {}, crash {number} of {count}, after step {point} of {end}, losing {loss:?}",
            seed()
        ));
        check(&replay, image, &mut random);
    }
}

/// Asserts that a store holds what is expected and accepts a new event.
async fn holds_and_resumes(store: &dyn Store, expected: &Dump) {
    assert_eq!(&Dump::of(store).await.unwrap(), expected);
    let at = Timestamp::from_millis(i64::from(u32::MAX) * 500);
    let start = Event::job_start(9, at, "ada").unwrap();
    assert!(matches!(store.ingest(vec![start]).await.unwrap()[..], [Receipt::Recorded(_)]));
}

/// Prints which crash it was if its check panics.
struct Told(String);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}
