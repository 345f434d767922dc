//! Work without I/O: reading a wire event, folding and planning a batch.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures::executor::block_on;
use spark_analytics_conformance::Workload;
use spark_analytics_core::backend::{Batch, Held, plan};
use spark_analytics_core::{Dedup, Event, JobRecord, MemoryStore, Store};

fn parse(c: &mut Criterion) {
    let events = Workload::new(10_000, 1).batch(40_000);
    let lines: Vec<&str> = events[30_000..].iter().map(Event::raw).collect();
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(lines.len() as u64));
    group.bench_function("wire event", |b| {
        b.iter(|| {
            for line in &lines {
                black_box(Event::from_json(line).expect("valid"));
            }
        });
    });
    group.finish();
}

/// A batch of 1,000 events with what a store holds of their jobs, just loaded: of 10,000 jobs, where hardly
/// two events have the same, and of 50 that run at a time.
fn fold_and_plan(c: &mut Criterion) {
    let mut group = c.benchmark_group("plan");
    group.throughput(Throughput::Elements(1_000));
    for jobs in [10_000, 50] {
        let mut workload = Workload::new(jobs, 1);
        let mut records = std::collections::HashMap::new();
        for event in workload.batch(20 * jobs as usize) {
            records
                .entry(event.job().clone())
                .or_insert_with(JobRecord::default)
                .events
                .add(&event);
        }
        let mut input = || {
            let events = workload.batch(1_000);
            let batch = Batch::new(events.clone(), Dedup::WithTask);
            let jobs = batch.jobs().map(|key| records.get(key).cloned().unwrap_or_default());
            let held = Held {
                next_event_id: 1,
                jobs: jobs.collect(),
                events: batch.identities().map(|_| None).collect(),
                ..Held::default()
            };
            (events, held)
        };
        group.bench_function(format!("batch of 1,000 events of {jobs} jobs"), |b| {
            b.iter_batched(
                &mut input,
                |(events, held)| plan(Batch::new(events, Dedup::WithTask), held),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// The same with the store in memory, including everything that it keeps.
fn memory(c: &mut Criterion) {
    let mut workload = Workload::new(10_000, 1);
    let store = MemoryStore::default();
    let mut is_filled = false;
    let mut group = c.benchmark_group("memory");
    group.throughput(Throughput::Elements(1_000)).sample_size(20);
    group.bench_function("batch of 1,000 into 1M", |b| {
        if !std::mem::replace(&mut is_filled, true) {
            for _ in 0..1_000 {
                block_on(store.ingest(workload.batch(1_000))).expect("takes a batch");
            }
        }
        b.iter_custom(|times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let events = workload.batch(1_000);
                let start = Instant::now();
                block_on(store.ingest(events)).expect("takes a batch");
                total += start.elapsed();
            }
            total
        });
    });
    group.finish();
}

criterion_group!(benches, parse, fold_and_plan, memory);
criterion_main!(benches);
