//! Readers and writers of several processes, interleaved step by step in every order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::*;
use futures::FutureExt;
use spark_analytics_conformance::{Call, Probe};
use spark_analytics_core::{Event, JobKey, MemoryStore, Store};
use spark_analytics_redis::RedisCached;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;

/// Stops one process before each of its reads and commits.
#[derive(Debug)]
struct Gate {
    is_open: AtomicBool,
    has_arrived: Notify,
    may_go: Semaphore,
}

impl Gate {
    fn new() -> Self {
        let (is_open, has_arrived) = (AtomicBool::new(true), Notify::new());
        Self { is_open, has_arrived, may_go: Semaphore::new(0) }
    }

    async fn stop(&self) {
        if !self.is_open.load(Ordering::SeqCst) {
            self.has_arrived.notify_one();
            self.may_go.acquire().await.expect("not closed").forget();
        }
    }
}

/// The store as seen by one process, whose reads and commits stop at the gate.
fn stepped(store: MemoryStore, gate: Arc<Gate>) -> Probe<MemoryStore> {
    Probe::new(store, move |_, call| {
        if !matches!(call, Call::Ingest(_) | Call::Job(_) | Call::Rollups(..)) {
            return std::future::ready(Ok(())).boxed();
        }
        let gate = Arc::clone(&gate);
        async move {
            gate.stop().await;
            Ok(())
        }
        .boxed()
    })
}

/// A process that performs one act, step by step.
struct Process {
    cached: RedisCached<Probe<MemoryStore>>,
    gate: Arc<Gate>,
    running: Option<JoinHandle<()>>,
    is_done: bool,
    steps: usize,
}

#[derive(Clone, Debug)]
enum Act {
    Ingest(Event),
    /// The process has committed when it is aborted.
    IngestAndDie(Event),
    ReadJob(i64),
    ReadDays(i32, i32),
}

impl Process {
    /// Lets the process run to its next stop or to its end.
    async fn step(&mut self, act: &Act) {
        if self.is_done {
            return;
        }
        self.steps += 1;
        match &self.running {
            Some(running)
                if self.steps == NOTED_WRITE_STEPS && matches!(act, Act::IngestAndDie(_)) =>
            {
                running.abort();
            }
            Some(_) => self.gate.may_go.add_permits(1),
            None => {
                self.gate.is_open.store(false, Ordering::SeqCst);
                let (cached, act) = (self.cached.clone(), act.clone());
                self.running = Some(tokio::spawn(async move {
                    match act {
                        Act::Ingest(event) | Act::IngestAndDie(event) => {
                            drop(cached.ingest(vec![event]).await.expect("takes it"))
                        }
                        Act::ReadJob(job) => drop(tasks_of(&cached, job).await),
                        Act::ReadDays(from, to) => drop(jobs_on(&cached, from, to, None).await),
                    }
                }));
            }
        }
        let running = self.running.as_mut().expect("runs");
        tokio::select! {
            done = running => {
                assert!(!done.is_err_and(|error| error.is_panic()));
                self.is_done = true;
            }
            () = self.gate.has_arrived.notified() => {}
        }
    }

    /// Lets the process run to its end.
    async fn finish(&mut self, act: &Act) {
        while !self.is_done {
            self.step(act).await;
        }
        self.gate.is_open.store(true, Ordering::SeqCst);
        (self.running, self.is_done, self.steps) = (None, false, 0);
    }
}

struct World {
    store: MemoryStore,
    processes: Vec<Process>,
    observer: InMemory,
    runs: i64,
}

/// Days per run: runs share no days.
const DAYS: i32 = 8;

impl World {
    async fn new(processes: usize) -> Self {
        let (store, url, namespace) = (MemoryStore::default(), shared_url(), namespace());
        let observer = adapter(store.clone(), &url, &namespace).await;
        let mut world = Self { store, processes: Vec::new(), observer, runs: 0 };
        for _ in 0..processes {
            let gate = Arc::new(Gate::new());
            let store = stepped(world.store.clone(), Arc::clone(&gate));
            let cached = adapter(store, &url, &namespace).await;
            world.processes.push(Process { cached, gate, running: None, is_done: false, steps: 0 });
        }
        world
    }

    /// Stores a job that ends on day 0 of the run, then steps through the acts in the given order. Whenever a process
    /// has finished and no other is running, and at the end, all processes must read what the store holds.
    async fn run(&mut self, is_noted: bool, acts: impl Fn(i64, i32) -> Vec<Act>, order: &[usize]) {
        self.runs += 1;
        let (job, first) = (self.runs, self.runs as i32 * DAYS);
        let initial = vec![start(job, first, "ada"), end(job, first)];
        if is_noted {
            self.observer.ingest(initial).await.expect("takes them");
        } else {
            self.store.ingest(initial).await.expect("takes them");
        }
        self.all_are_connected().await;
        let (key, last) = ([JobKey::new(job)], first + DAYS - 1);
        let acts = acts(job, first);
        for at in order {
            let was_done = self.processes[*at].is_done;
            self.processes[*at].step(&acts[*at]).await;
            // While another process is between its commit and its end, the cache may still hold the previous values.
            let others_rest = self.processes.iter().all(|p| p.is_done || p.running.is_none());
            if self.processes[*at].is_done && !was_done && others_rest {
                self.all_are_connected().await;
                assert_same(&self.observer, &self.store, &key, first, last).await;
            }
        }
        for (process, act) in self.processes.iter_mut().zip(&acts) {
            process.finish(act).await;
        }
        self.all_are_connected().await;
        assert_same(&self.observer, &self.store, &key, first, last).await;
        for process in &self.processes {
            assert_same(&process.cached, &self.store, &key, first, last).await;
        }
    }

    /// Waits until all processes use Redis. On a busy machine a call may time out; other processes would then miss the
    /// invalidations of that process.
    async fn all_are_connected(&self) {
        until(async || {
            self.processes.iter().all(|process| process.cached.counts().is_available)
                && self.observer.counts().is_available
        })
        .await;
    }

    fn assert_worked(&self) {
        let counts: Vec<_> = self.processes.iter().map(|p| p.cached.counts()).collect();
        assert!(counts.iter().any(|counts| counts.hits > 0), "{counts:?}");
        assert!(counts.iter().any(|counts| counts.refused > 0), "{counts:?}");
    }
}

/// Every interleaving of processes, given the number of steps of each.
fn orders(steps: &[usize]) -> Vec<Vec<usize>> {
    if steps.iter().all(|left| *left == 0) {
        return vec![Vec::new()];
    }
    let mut orders_of_all = Vec::new();
    for at in (0..steps.len()).filter(|at| steps[*at] > 0) {
        let mut left = steps.to_vec();
        left[at] -= 1;
        orders_of_all.extend(orders(&left).into_iter().map(|mut order| {
            order.insert(0, at);
            order
        }));
    }
    orders_of_all
}

/// A writer that looks the job up: it begins, reads, notes, commits, settles.
const WRITE_STEPS: usize = 5;
/// A writer that finds another writer's note: it begins, commits, settles.
const NOTED_WRITE_STEPS: usize = 3;
/// A reader: it looks up, reads, fills.
const READ_STEPS: usize = 3;

#[tokio::test]
async fn a_reader_and_a_writer_leave_nothing_stale_in_any_order() {
    let mut world = World::new(2).await;
    for (is_noted, steps) in [(false, WRITE_STEPS), (true, NOTED_WRITE_STEPS)] {
        for order in orders(&[steps, READ_STEPS]) {
            let moves = |job, first| Act::Ingest(end(job, first + 2));
            world
                .run(
                    is_noted,
                    |job, first| vec![moves(job, first), Act::ReadDays(first, first + 3)],
                    &order,
                )
                .await;
            world
                .run(is_noted, |job, first| vec![moves(job, first), Act::ReadJob(job)], &order)
                .await;
        }
    }
    world.assert_worked();
}

#[tokio::test]
async fn two_writers_and_a_reader_leave_nothing_stale_in_any_order() {
    let mut world = World::new(3).await;
    for order in orders(&[NOTED_WRITE_STEPS, NOTED_WRITE_STEPS, READ_STEPS]) {
        world.run(true, two_moves, &order).await;
    }
    world.assert_worked();
}

#[tokio::test]
async fn a_writer_that_dies_after_its_commit_leaves_nothing_stale() {
    let mut world = World::new(2).await;
    for order in orders(&[NOTED_WRITE_STEPS, READ_STEPS]) {
        let dies = |job, first| Act::IngestAndDie(end(job, first + 2));
        let acts = |job, first| vec![dies(job, first), Act::ReadDays(first, first + 3)];
        world.run(true, acts, &order).await;
        let acts = |job, first| vec![dies(job, first), Act::ReadJob(job)];
        world.run(true, acts, &order).await;
    }
}

/// There are about 70,000 orders; this runs every 97th.
#[tokio::test]
async fn two_writers_that_look_the_job_up_and_a_reader_leave_nothing_stale_in_many_orders() {
    let mut world = World::new(3).await;
    for order in orders(&[WRITE_STEPS, WRITE_STEPS, READ_STEPS]).iter().step_by(97) {
        world.run(false, two_moves, order).await;
    }
    world.assert_worked();
}

/// One writer moves the job to day 2, the other to day 4, where it ends up.
fn two_moves(job: i64, first: i32) -> Vec<Act> {
    vec![
        Act::Ingest(end(job, first + 2)),
        Act::Ingest(end(job, first + 4)),
        Act::ReadDays(first, first + 5),
    ]
}
