//! A router that puts events into a queue.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::StatusCode;
use serde_json::{Value, json};
use spark_analytics_core::{Analytics, Event, MemoryStore, NotQueued, Queue, Store};

use crate::stores::{Fault, faulty, stuck};
use crate::{Answer, Api, END, START, TASK};

/// A queue in memory with room for this many events.
#[derive(Debug)]
pub(crate) struct Bounded {
    events: Mutex<Vec<Event>>,
    room: usize,
    checked: AtomicUsize,
}

#[async_trait]
impl Queue for Bounded {
    async fn publish(&self, mut events: Vec<Event>) -> Result<(), NotQueued> {
        let mut held = self.events.lock().unwrap();
        if held.len() + events.len() > self.room {
            return Err(NotQueued::new("it is full"));
        }
        held.append(&mut events);
        Ok(())
    }

    async fn check(&self) -> Result<(), NotQueued> {
        self.checked.fetch_add(1, Ordering::Relaxed);
        self.publish(Vec::new()).await
    }
}

pub(crate) fn api(store: impl Store, room: usize) -> (Api, Arc<Bounded>) {
    let store: Arc<dyn Store> = Arc::new(store);
    let queue = Arc::new(Bounded { events: Mutex::default(), room, checked: AtomicUsize::new(0) });
    let analytics = Analytics::new(Arc::clone(&store));
    let shared: Arc<dyn Queue> = Arc::<Bounded>::clone(&queue);
    (
        Api {
            router: spark_analytics_http::Api::new(analytics).queue(shared).into_router(),
            store,
        },
        queue,
    )
}

impl Bounded {
    fn raw(&self) -> Vec<String> {
        self.events.lock().unwrap().iter().map(|event| event.raw().to_owned()).collect()
    }
}

fn accepted(answer: &Answer) -> Value {
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn an_event_is_queued_while_the_store_fails() {
    let (api, queue) = api(faulty(Fault::Fails), 10);
    let answer = api.ingest(START).await;
    assert_eq!(answer.text(), r#"{"success":true,"message":"Log queued","log_id":null}"#);
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(queue.raw(), [START]);
    assert_eq!(api.get("/ready").await.text(), r#"{"status":"ready"}"#);
    api.get("/api/v1/analytics/jobs/101").await.problem(500);
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_checked_at_most_once_a_second() {
    let (api, queue) = api(MemoryStore::default(), 10);
    for asked in 1..=3 {
        for _ in 0..5 {
            api.get("/ready").await.json();
        }
        assert_eq!(queue.checked.load(Ordering::Relaxed), asked);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn bad_events_are_refused_though_the_store_never_answers() {
    let (api, queue) = api(stuck(), 10);
    assert_eq!(api.ingest("{}").await.problem(400), "field `event` is missing");
    assert_eq!(api.ingest("[]").await.status, StatusCode::BAD_REQUEST);
    assert!(queue.raw().is_empty());
}

#[tokio::test]
async fn bad_events_are_kept_when_the_store_answers() {
    let (api, _) = api(MemoryStore::default(), 10);
    for _ in 0..20 {
        api.ingest("{}").await.problem(400);
    }
    while api.store.rejected(None, 100).await.unwrap().len() < 20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn valid_events_of_a_batch_are_queued_and_invalid_ones_reported() {
    let (api, queue) = api(faulty(Fault::Fails), 10);
    let answer = accepted(&api.lines([START, "oops", END].join("\n")).await);
    assert_eq!(queue.raw(), [START, END]);
    let detail = "the event cannot be read: not a JSON object: `oops`";
    assert_eq!(
        answer,
        json!({
            "recorded": 0, "duplicate": 0, "replaced": 0, "queued": 2, "rejected": 1,
            "results": [
                {"index": 0, "outcome": "queued", "log_id": null, "detail": null},
                {"index": 1, "outcome": "rejected", "log_id": null, "detail": detail},
                {"index": 2, "outcome": "queued", "log_id": null, "detail": null},
            ],
        })
    );
    let answer = accepted(&api.array("[]").await);
    assert_eq!((&answer["queued"], &answer["results"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn a_queue_that_accepts_no_event_is_a_503_with_retry_after() {
    let (api, queue) = api(MemoryStore::default(), 1);
    let answer = api.lines([START, TASK].join("\n")).await;
    let detail = answer.problem(503);
    assert_eq!(
        detail,
        "events cannot be queued now: it is full; events before it: 0 queued, 0 rejected"
    );
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(api.ingest(START).await.status, StatusCode::ACCEPTED);
    let answer = api.ingest(END).await;
    assert_eq!(answer.problem(503), "events cannot be queued now: it is full");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(queue.raw(), [START]);
}

#[tokio::test]
async fn the_document_names_the_fields_of_a_queued_event() {
    let (api, _) = api(MemoryStore::default(), 10);
    let document = api.get("/api/v1/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    let queued = accepted(&api.ingest(START).await);
    let named = schemas["Queued"]["properties"].as_object().unwrap();
    assert!(queued.as_object().unwrap().keys().eq(named.keys()));
    for path in ["/api/v1/logs/ingest", "/api/v1/logs/batch"] {
        let responses = &document["paths"][path]["post"]["responses"];
        assert!(responses["202"]["content"]["application/json"]["schema"].is_object());
    }
}
