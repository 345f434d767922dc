//! Cross-origin requests of browsers.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use spark_analytics_core::MemoryStore;
use spark_analytics_http::ApiOptions;

use crate::{Answer, Api, START};

const NAMED: &str = "https://figures.example";

async fn post(api: &Api, origin: &str) -> Answer {
    let request = Request::post("/api/v1/logs/ingest").header("origin", origin);
    api.send(request.header("sec-fetch-site", "cross-site").body(Body::from(START)).unwrap()).await
}

fn named() -> Api {
    let options = ApiOptions::default().origins([NAMED.parse().unwrap()]);
    Api::over(MemoryStore::default(), &options)
}

#[tokio::test]
async fn a_cross_origin_write_is_refused_unless_its_origin_is_allowed() {
    for api in [Api::new(), named()] {
        let answer = post(&api, "https://other.example").await;
        let message = answer.problem(403);
        assert!(message.starts_with("cross-origin request refused: "), "{message}");
        assert_ne!(answer.header("x-request-id"), "");
        api.get("/api/v1/analytics/jobs/101").await.problem(404);
    }
    let api = named();
    let answer = post(&api, NAMED).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("access-control-allow-origin"), NAMED);
}

#[tokio::test]
async fn a_browser_learns_which_origins_may_read_the_response() {
    let api = named();
    for (origin, allowed) in [(NAMED, NAMED), ("https://other.example", "")] {
        for method in ["GET", "OPTIONS"] {
            let request = Request::builder().method(method).uri("/api/v1/analytics/jobs");
            let request = request.header("access-control-request-method", "GET");
            let answer = api.send(request.header("origin", origin).body(Body::empty()).unwrap());
            let answer = answer.await;
            assert_eq!(answer.status, StatusCode::OK);
            assert_eq!(answer.header("access-control-allow-origin"), allowed, "{method} {origin}");
            assert_ne!(answer.header("x-request-id"), "");
        }
    }
}
