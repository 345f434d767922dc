//! Cursors, valid and invalid.

use axum::http::{Method, Request};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::request::{Answer, SERVER, check};

/// All paged lists.
const LISTS: [&str; 6] = [
    "/api/v1/analytics/jobs?limit=1",
    "/api/v1/analytics/summary?date=2024-03-30&limit=1",
    "/api/v1/analytics/applications?limit=1",
    "/api/v1/analytics/applications/local-1795465776192/stages?limit=1",
    "/api/v1/logs?job_id=1&limit=1",
    "/api/v1/logs/rejected?limit=1",
];

/// Asks each list for the page after the cursor in the input, taken as the cursor itself and as its decoded content. The
/// cursor is rejected, or there is a page, whose `next` leads to another.
pub fn any_cursor(data: &[u8]) {
    let encoded = BASE64_URL_SAFE_NO_PAD.encode(data);
    let percent: String = data.iter().map(|byte| format!("%{byte:02x}")).collect();
    SERVER.runtime.block_on(async {
        for list in LISTS {
            for cursor in [&encoded, &percent] {
                let answer = page(list, cursor).await;
                if answer.status != 200 {
                    assert_eq!(answer.status, 400);
                    continue;
                }
                let page_after: Value = serde_json::from_slice(&answer.body).expect("JSON");
                if let Some(next) = page_after["next"].as_str() {
                    assert_eq!(page(list, next).await.status, 200);
                }
            }
        }
    });
}

async fn page(list: &str, cursor: &str) -> Answer {
    let request = Request::builder().method(Method::GET).uri(format!("{list}&cursor={cursor}"));
    let (parts, ()) = request.body(()).expect("it is a URI").into_parts();
    let answer = SERVER.ask_once(&parts).await;
    check(&parts, &answer);
    answer
}
