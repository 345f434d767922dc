//! Servers, workers, PostgreSQL, Redis and RabbitMQ together, under load and kills.

#![allow(clippy::unwrap_used)]

mod answers;
mod clients;
mod history;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spark_analytics_cli::open_store;
use spark_analytics_core::{Day, Dedup, Rollup, TaskTotals};
use tokio::task::JoinHandle;

use crate::end_to_end::clients::{Clients, Servers};
use crate::worker_support::{
    Place, Program, Server, expected, is_like, postgres, redis, until, until_within,
};

/// How long the workers may take to store all events.
const DRAINED_WITHIN: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_exact_after_100_000_events_through_two_servers_and_workers_with_kills_midway()
{
    let started = Instant::now();
    let log = |what: &str| println!("{:6.1?}: {what}", started.elapsed());
    let place = Place::new("end-to-end").await;
    let (store, redis) = (postgres("end_to_end").await, redis(3));
    let folder = place.folder.path();
    let more = ["--redis", &redis];
    let server = || Server::start_with(folder, &store, &place.amqp, &more);
    let arguments = ["--amqp", &place.amqp, "--store", &store, "--redis", &redis, "--log", "warn"];
    let worker = || Program::start("work", folder, &arguments);

    let events = history::events();
    let sent = history::sent(&events);
    let expected = expected(&events);
    let all_tasks = tasks(
        expected.rollups.iter().filter(|(key, _)| key.user.is_none()).map(|(_, of_all)| of_all),
    );
    log(&format!("{} events made, {} jobs have figures", sent.len(), expected.jobs.len()));

    let servers = Servers::new([server().await, server().await]);
    let mut workers = [worker(), worker()];
    let reading = Reading::start(&servers);
    let clients = Clients::start(&servers, &sent);
    until_within(DRAINED_WITHIN, "half of all", async || clients.are_midway().then_some(())).await;
    workers[0].signal("-KILL");
    servers.get(0).program.signal("-KILL");
    log("a worker and a server are killed");
    workers[0] = worker();
    servers.replace(0, server().await);
    let again = clients.finish().await;
    log(&format!("all is sent, {again} requests again"));
    assert!(again > 0, "the server was killed amid requests");

    let opened = open_store(&store, Dedup::default()).await.unwrap();
    until_within(DRAINED_WITHIN, "all tasks", async || {
        let is_empty = place.waiting("spark.events").await == 0;
        let days = opened.rollups(Day::MIN, Day::MAX, None).await.unwrap();
        (is_empty && tasks(days.iter().map(|(_, rollup)| rollup)) == all_tasks).then_some(())
    })
    .await;
    is_like(&*opened, &expected).await;
    opened.close().await.unwrap();
    let reads = reading.stop().await;
    log(&format!("the store has all figures; {reads} reads meanwhile"));

    let running = servers.all();
    let running: Vec<&Server> = running.iter().map(|server| &**server).collect();
    let longest = answers::are_like(&running, &expected).await;
    log(&format!("the servers have all figures; one was waited for {longest:.1?}"));
    for server in running {
        let hits = until("an answer by Redis", async || {
            let text = server.get("/metrics").await.1;
            let hits = "spark_analytics_cache_requests_total{cache=\"redis\",result=\"hit\"} ";
            let hits = text.lines().find_map(|line| line.strip_prefix(hits)).unwrap().to_owned();
            assert_eq!(server.get("/api/v1/analytics/summary?date=2024-04-05").await.0, 200);
            (hits != "0").then_some(hits)
        })
        .await;
        log(&format!("{hits} answers by Redis"));
    }
    assert_eq!(place.waiting("spark.dead").await, 0);
    for worker in &mut workers {
        worker.signal("-TERM");
        assert_eq!(worker.ended().await, Some(0));
    }
    log("done");
    assert!(started.elapsed() < Duration::from_secs(120), "all of it takes less than two minutes");
}

/// The number of tasks on all days.
fn tasks<'a>(days: impl Iterator<Item = &'a Rollup>) -> TaskTotals {
    days.fold(TaskTotals::default(), |mut all, day| {
        all += &day.tasks;
        all
    })
}

/// Reads that fill the caches with figures that are about to change.
struct Reading {
    is_over: Arc<AtomicBool>,
    running: JoinHandle<usize>,
}

impl Reading {
    fn start(servers: &Servers) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, servers) = (Arc::clone(&is_over), servers.clone());
        let running = tokio::spawn(async move {
            let mut reads = 0;
            let mut pace = tokio::time::interval(Duration::from_millis(25));
            while !over.load(Ordering::Relaxed) {
                pace.tick().await;
                let job = reads % 333;
                let date = history::days()[reads % 12];
                let server = &servers.get(reads % 2);
                for path in [format!("jobs/{job}"), format!("summary?date={date}")] {
                    // A killed server does not answer.
                    let _ = server.try_get(&format!("/api/v1/analytics/{path}")).await;
                }
                reads += 1;
            }
            reads
        });
        Self { is_over, running }
    }

    /// The number of reads.
    async fn stop(self) -> usize {
        self.is_over.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}
