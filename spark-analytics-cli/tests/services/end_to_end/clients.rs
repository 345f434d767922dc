//! Clients that send to several servers, and retry if they get no answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use spark_analytics_core::Event;
use tokio::task::JoinSet;

use crate::worker_support::Server;

/// How many events are sent one by one; the others are sent in batches.
const SINGLE: usize = 4_000;
const BATCH: usize = 250;
const CLIENTS_A_SERVER: usize = 2;
const PAUSE: Duration = Duration::from_millis(50);

/// The running servers.
#[derive(Clone)]
pub(crate) struct Servers(Arc<[Mutex<Arc<Server>>]>);

impl Servers {
    pub(crate) fn new(servers: impl IntoIterator<Item = Server>) -> Self {
        Self(servers.into_iter().map(|server| Mutex::new(Arc::new(server))).collect())
    }

    pub(crate) fn all(&self) -> Vec<Arc<Server>> {
        (0..self.0.len()).map(|at| self.get(at)).collect()
    }

    pub(crate) fn get(&self, at: usize) -> Arc<Server> {
        Arc::clone(&self.0[at].lock().unwrap())
    }

    pub(crate) fn replace(&self, at: usize, server: Server) {
        *self.0[at].lock().unwrap() = Arc::new(server);
    }
}

/// Running clients.
pub(crate) struct Clients {
    sent: Arc<AtomicUsize>,
    requests: usize,
    /// Each returns how often it retried.
    running: JoinSet<usize>,
}

impl Clients {
    /// Starts sending events.
    pub(crate) fn start(servers: &Servers, events: &[Event]) -> Self {
        let (single, batched) = events.split_at(SINGLE);
        let batches = batched.chunks(BATCH).map(|batch| {
            let raw: Vec<&str> = batch.iter().map(Event::raw).collect();
            ("/api/v1/logs/batch?errors=only", format!("[{}]", raw.join(",")))
        });
        let mut requests: Vec<(&str, String)> = batches.collect();
        // Single events between two batches.
        let between = SINGLE.div_ceil(requests.len());
        let mut singles =
            single.iter().map(|event| ("/api/v1/logs/ingest", event.raw().to_owned()));
        requests = requests
            .into_iter()
            .flat_map(|batch| singles.by_ref().take(between).chain([batch]).collect::<Vec<_>>())
            .collect();
        assert!(singles.next().is_none());

        let (sent, count) = (Arc::new(AtomicUsize::new(0)), requests.len());
        let requests = Arc::new(Mutex::new(requests));
        let mut running = JoinSet::new();
        for at in (0..servers.0.len()).cycle().take(servers.0.len() * CLIENTS_A_SERVER) {
            let (servers, requests, sent) =
                (servers.clone(), Arc::clone(&requests), Arc::clone(&sent));
            running.spawn(async move {
                let mut again = 0;
                let next = || requests.lock().unwrap().pop();
                while let Some((path, body)) = next() {
                    while !is_taken(&servers.get(at), path, &body).await {
                        again += 1;
                        tokio::time::sleep(PAUSE).await;
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                again
            });
        }
        Self { sent, requests: count, running }
    }

    /// Whether half of all events have been sent.
    pub(crate) fn are_midway(&self) -> bool {
        self.sent.load(Ordering::Relaxed) >= self.requests / 2
    }

    /// Waits until all events have been accepted; returns the number of retries.
    pub(crate) async fn finish(self) -> usize {
        self.running.join_all().await.into_iter().sum()
    }
}

async fn is_taken(server: &Server, path: &str, body: &str) -> bool {
    match server.try_post(path, body).await {
        Ok((202, _)) => true,
        // There was no answer, or the broker was too busy.
        Err(_) | Ok((503, _)) => false,
        Ok((status, answer)) => panic!("a {status}: {answer}"),
    }
}
