//! What the benches share: taking turns, rates as lines that scripts/bench/all reads, and small sizes.

#![allow(dead_code, reason = "not every bench needs all")]

use std::time::{Duration, Instant};

use spark_analytics_conformance::Workload;
use spark_analytics_core::Event;

/// The number of samples of a measurement.
const SAMPLES: usize = 10;

/// Whether to use small sizes: with `BENCH_QUICK=1`, or with `-- --test` to see that a bench works.
pub(crate) fn is_quick() -> bool {
    std::env::var_os("BENCH_QUICK").is_some() || std::env::args().any(|it| it == "--test")
}

/// A measurement and its unit, printed as a line of JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure<'a>(pub(crate) &'a str, pub(crate) &'a str);

impl Measure<'_> {
    pub(crate) fn report(self, samples: &[f64]) {
        self.print(serde_json::json!({ "samples": samples }));
    }

    /// With the samples of a peer that took turns.
    pub(crate) fn compare(self, samples: &[f64], peer: &str, theirs: &[f64]) {
        self.print(serde_json::json!({ "samples": samples, "peer": peer, "theirs": theirs }));
    }

    /// For one of several sizes.
    pub(crate) fn report_at(self, size: usize, samples: &[f64]) {
        self.print(serde_json::json!({ "at": size, "samples": samples }));
    }

    fn print(self, mut line: serde_json::Value) {
        line["name"] = self.0.into();
        line["unit"] = self.1.into();
        println!("{line}");
    }
}

/// The version of what is measured.
pub(crate) fn version(of: &str, version: &str) {
    println!("{}", serde_json::json!({ "version": of, "is": version }));
}

/// Inserts batches of `rows` events with both, one after the other, so that whatever else the machine does
/// slows both: rows a second of ours and theirs.
pub(crate) async fn take_turns(
    workload: &mut Workload,
    rows: usize,
    batches: usize,
    mut ours: impl AsyncFnMut(Vec<Event>),
    mut theirs: impl AsyncFnMut(&[Event]),
) -> (Vec<f64>, Vec<f64>) {
    let a_sample = batches.div_ceil(SAMPLES);
    let (mut our_rates, mut their_rates) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        let (mut our_time, mut their_time) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..a_sample {
            let batch = workload.batch(rows);
            timed(&mut their_time, theirs(&batch)).await;
            timed(&mut our_time, ours(batch)).await;
        }
        our_rates.push((rows * a_sample) as f64 / our_time.as_secs_f64());
        their_rates.push((rows * a_sample) as f64 / their_time.as_secs_f64());
    }
    (our_rates, their_rates)
}

/// Adds the time of a call.
pub(crate) async fn timed<T>(total: &mut Duration, work: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let done = work.await;
    *total += start.elapsed();
    done
}

/// Microseconds of each of `times` calls.
pub(crate) async fn micros<T>(times: usize, mut call: impl AsyncFnMut(usize) -> T) -> Vec<f64> {
    let mut samples = Vec::with_capacity(times);
    for number in 0..times {
        let start = Instant::now();
        std::hint::black_box(call(number).await);
        samples.push(start.elapsed().as_secs_f64() * 1e6);
    }
    samples
}
