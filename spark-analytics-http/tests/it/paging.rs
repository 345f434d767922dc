//! Pages and cursors: every row once, in order, whatever the page size.

use serde_json::Value;

use crate::{Api, END, START, TASK};

/// The rows of all pages, and how many pages there were.
async fn all_pages(api: &Api, path: &str, rows: &str) -> (Vec<Value>, usize) {
    let (mut all, mut pages, mut next) = (Vec::new(), 0, String::new());
    loop {
        let page = api.get(&format!("{path}{next}")).await.json();
        all.extend(page[rows].as_array().unwrap().iter().cloned());
        pages += 1;
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return (all, pages),
        }
    }
}

async fn with_jobs(count: usize) -> Api {
    let api = Api::new();
    let events: Vec<String> = (0..count)
        .flat_map(|n| [START, END].map(|event| event.replace("101", &n.to_string())))
        .collect();
    api.lines(events.join("\n")).await.json();
    api
}

#[tokio::test]
async fn jobs_of_a_summary_come_in_pages_and_totals_are_the_days() {
    let api = with_jobs(7).await;
    let path = "/api/v1/analytics/summary?date=2024-03-30&limit=3";
    let (jobs, pages) = all_pages(&api, path, "jobs").await;
    let ids: Vec<_> = jobs.iter().map(|job| job["job_id"].as_u64().unwrap()).collect();
    assert_eq!((ids.as_slice(), pages), (&[0, 1, 2, 3, 4, 5, 6][..], 3));
    assert_eq!(api.get(path).await.json()["total_jobs"], 7);
}

#[tokio::test]
async fn a_last_page_that_is_full_has_no_next() {
    let api = with_jobs(6).await;
    let (jobs, pages) = all_pages(&api, "/api/v1/analytics/jobs?limit=3", "jobs").await;
    assert_eq!((jobs.len(), pages), (6, 2));
}

#[tokio::test]
async fn jobs_come_newest_or_longest_first_and_a_cursor_belongs_to_its_order() {
    let api = Api::new();
    // Ends rise with the job, durations fall and rise.
    let events: Vec<String> = (0..7)
        .flat_map(|n: u64| {
            let second = |at: u64| format!("2024-03-30T10:{:02}:{:02}Z", 12 + at / 60, at % 60);
            let (end, length) = (50 + n, n * 3 % 7);
            let start = START.replace("2024-03-30T10:12:45Z", &second(end - length));
            let end = END.replace("2024-03-30T10:14:03.005Z", &second(end));
            [start, end].map(|event| event.replace("101", &n.to_string()))
        })
        .collect();
    assert_eq!(api.lines(events.join("\n")).await.json()["recorded"], 14);
    let ids = async |query: &str| -> Vec<u64> {
        let (jobs, pages) =
            all_pages(&api, &format!("/api/v1/analytics/jobs?{query}&limit=2"), "jobs").await;
        assert_eq!(pages, 4);
        jobs.iter().map(|job| job["job_id"].as_u64().unwrap()).collect()
    };
    assert_eq!(ids("").await, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(ids("order=oldest").await, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(ids("order=newest").await, [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(ids("order=longest").await, [2, 4, 6, 1, 3, 5, 0]);

    let path = "/api/v1/analytics/jobs?limit=2";
    for (order, other) in [("newest", "longest"), ("longest", "oldest"), ("oldest", "newest")] {
        let page = api.get(&format!("{path}&order={order}")).await.json();
        let cursor = page["next"].as_str().unwrap();
        let detail = api.get(&format!("{path}&order={other}&cursor={cursor}")).await.problem(400);
        assert_eq!(
            detail,
            format!(
                "`cursor` is of a list with `order={order}`, not `{other}`: ask for that order, or without a cursor"
            )
        );
    }
    let detail = api.get(&format!("{path}&order=desc")).await.problem(400);
    assert_eq!(detail, "`order`: `desc` is not an order; use oldest, newest or longest");
}

#[tokio::test]
async fn a_page_has_a_thousand_jobs_by_default() {
    let api = with_jobs(1_001).await;
    let page = api.get("/api/v1/analytics/summary?date=2024-03-30").await.json();
    assert_eq!(page["jobs"].as_array().unwrap().len(), 1_000);
    assert_eq!(page["total_jobs"], 1_001);
    assert!(page["next"].is_string());
    let page = api.get("/api/v1/analytics/summary?date=2024-03-30&limit=10000").await.json();
    assert_eq!(page["jobs"].as_array().unwrap().len(), 1_001);
}

#[tokio::test]
async fn raw_events_of_a_job_are_unchanged_and_ordered_by_time() {
    let api = Api::new();
    let odd = TASK.replace(r#""user""#, r#" "extra" : [1.50, {"a":null}], "user""#);
    api.lines([END, &odd, START].join("\n")).await.json();
    let path = "/api/v1/logs?job_id=101";
    let answer = api.get(path).await;
    assert_eq!(
        answer.text(),
        format!(
            r#"{{"events":[{{"log_id":3,"event":{START}}},{{"log_id":2,"event":{odd}}},{{"log_id":1,"event":{END}}}],"next":null}}"#
        )
    );
    let (events, pages) = all_pages(&api, &format!("{path}&limit=1"), "events").await;
    assert_eq!((events.len(), pages), (3, 3));
    assert_eq!(api.get("/api/v1/logs?job_id=7").await.json()["events"], serde_json::json!([]));
    let other_app = api.get("/api/v1/logs?job_id=101&app=a&attempt=1").await.json();
    assert_eq!(other_app["events"], serde_json::json!([]));
}

#[tokio::test]
async fn rejected_input_is_listed_newest_first() {
    let api = Api::new();
    api.lines("a\nb\nc\nd\ne").await.json();
    let (rejected, pages) = all_pages(&api, "/api/v1/logs/rejected?limit=2", "rejected").await;
    let raw: Vec<_> = rejected.iter().map(|row| row["raw"].as_str().unwrap()).collect();
    assert_eq!((raw.as_slice(), pages), (&["e", "d", "c", "b", "a"][..], 3));
}

#[tokio::test]
async fn a_cursor_that_no_page_returned_is_a_400() {
    let api = Api::new();
    for path in ["analytics/jobs?", "logs/rejected?", "logs?job_id=1&"] {
        for cursor in ["", "x", "%00", "WzFd0", "bnVsbA", "WzEsMiwzLDQsNV0"] {
            let detail = api.get(&format!("/api/v1/{path}cursor={cursor}")).await.problem(400);
            assert_eq!(detail, "`cursor` must be the `next` of the previous page", "{path}");
        }
    }
}
