//! The API as a client sees it: requests against a router over a store in memory.

#![allow(clippy::unwrap_used)]
// Facts of logs may grow, so they are built field by field.
#![allow(clippy::field_reassign_with_default)]
mod access;
mod applications;
mod batch;
mod damage;
mod errors;
mod figures;
mod history;
mod history_errors;
mod history_lists;
mod ingest;
mod listener;
mod narrow;
mod openapi;
mod origins;
mod paging;
mod queue;
mod reading;
mod server;
mod stores;
mod threads;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use spark_analytics_core::log::{Application, LogSnapshot};
use spark_analytics_core::{Analytics, MemoryStore, Store};
use spark_analytics_http::ApiOptions;
use tower::ServiceExt;

const START: &str = r#"{"event":"SparkListenerJobStart","job_id":101,"timestamp":"2024-03-30T10:12:45Z","user":"ada"}"#;
const TASK: &str = r#"{"event":"SparkListenerTaskEnd","job_id":101,"timestamp":"2024-03-30T10:12:50.120Z","user":"ada","task_id":"task_101_004","duration_ms":4000,"successful":true}"#;
const FAILED_TASK: &str = r#"{"event":"SparkListenerTaskEnd","job_id":101,"timestamp":"2024-03-30T10:12:51Z","user":"ada","task_id":"task_101_005","duration_ms":100,"successful":false}"#;
const END: &str = r#"{"event":"SparkListenerJobEnd","job_id":101,"timestamp":"2024-03-30T10:14:03.005Z","user":"ada","completion_time":"2024-03-30T10:14:03Z","job_result":"JobSucceeded"}"#;

/// A router over a store for one test.
struct Api {
    router: Router,
    store: Arc<dyn Store>,
}

/// A log that only has an application.
fn snapshot(application: Application) -> LogSnapshot {
    let mut log = LogSnapshot::default();
    log.application = application;
    log
}

/// An application without any other fact.
fn application(app_id: &str) -> Application {
    let mut application = Application::default();
    application.app_id = app_id.to_owned();
    application
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Api {
    fn new() -> Self {
        Self::over(MemoryStore::default(), &ApiOptions::default())
    }

    fn over(store: impl Store, options: &ApiOptions) -> Self {
        let store: Arc<dyn Store> = Arc::new(store);
        let analytics = Analytics::new(Arc::clone(&store));
        let api = spark_analytics_http::Api::new(analytics).options(options.clone());
        Self { router: api.into_router(), store }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: head.status, headers: head.headers, body }
    }

    async fn ask(&self, method: Method, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(Method::POST).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn ingest(&self, body: impl Into<Body>) -> Answer {
        self.post("/api/v1/logs/ingest", &[("content-type", "application/json")], body).await
    }

    async fn lines(&self, body: impl Into<Body>) -> Answer {
        self.post("/api/v1/logs/batch", &[("content-type", "application/x-ndjson")], body).await
    }

    async fn array(&self, body: impl Into<Body>) -> Answer {
        self.post("/api/v1/logs/batch", &[("content-type", "application/json")], body).await
    }

    /// Stores a log.
    async fn import(&self, log: LogSnapshot) {
        self.store.ingest_logs(vec![log], Vec::new()).await.unwrap();
    }

    /// A store that holds the one job of this module.
    async fn with_a_job() -> Self {
        let api = Self::new();
        let answer = api.lines([END, TASK, START, FAILED_TASK].join("\n")).await;
        assert_eq!(answer.json()["recorded"], 4);
        api
    }
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of a successful response.
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The `detail` of a problem, whose other fields are checked.
    #[track_caller]
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap());
        problem["detail"].as_str().unwrap().to_owned()
    }
}
