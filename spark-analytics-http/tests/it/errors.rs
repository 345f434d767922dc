//! All other kinds of invalid requests.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use spark_analytics_core::MemoryStore;
use spark_analytics_http::ApiOptions;

use crate::{Api, START};

#[tokio::test]
async fn an_unknown_route_is_a_404() {
    let api = Api::new();
    for path in ["/api/v1/nope", "/api/v1/logs/ingest/", "/docs/nope", "/docs/../Cargo.toml"] {
        api.get(path).await.problem(404);
    }
    let answer = api.ask(Method::HEAD, "/nope").await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (404, 0));
}

#[tokio::test]
async fn a_wrong_method_is_a_405_that_names_the_right_ones() {
    let api = Api::new();
    let answer = api.ask(Method::DELETE, "/api/v1/analytics/jobs/1").await;
    assert_eq!(
        answer.problem(405),
        "/api/v1/analytics/jobs/1 does not support DELETE; see the `Allow` header for its methods"
    );
    assert_eq!(answer.header("allow"), "GET,HEAD");
    let answer = api.get("/api/v1/logs/ingest").await;
    answer.problem(405);
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test]
async fn options_and_head_are_answered() {
    let api = Api::new();
    let answer = api.ask(Method::OPTIONS, "/api/v1/logs/batch").await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, "POST"));
    let answer = api.ask(Method::HEAD, "/health").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-length")), (200, "20"));
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn another_media_type_or_encoding_is_a_415() {
    let api = Api::new();
    for (path, header, value) in [
        ("ingest", "content-type", "application/x-www-form-urlencoded"),
        ("ingest", "content-type", "application/x-ndjson"),
        ("ingest", "content-encoding", "gzip"),
        ("ingest", "content-encoding", "br"),
        ("batch", "content-type", "text/csv"),
        ("batch", "content-encoding", "br"),
        ("batch", "content-encoding", "gzip, gzip"),
    ] {
        let answer = api.post(&format!("/api/v1/logs/{path}"), &[(header, value)], START).await;
        let detail = answer.problem(415);
        assert!(
            detail.contains("application/json")
                || detail.contains("zstd")
                || detail.contains("batch"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_413_whether_announced_or_not() {
    let api = Api::new();
    let long = START.replace("ada", &"a".repeat(1 << 20));
    let expected = "the body has more than the limit of 1048576 bytes; send it in parts";
    assert_eq!(api.ingest(long.clone()).await.problem(413), expected);
    let pieces =
        [Ok::<_, std::io::Error>(long[..600_000].to_owned()), Ok(long[600_000..].to_owned())];
    let unannounced = Body::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(api.ingest(unannounced).await.problem(413), expected);
    let one = Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(long)]));
    assert_eq!(api.ingest(one).await.problem(413), expected);
    let answer = api.array(" ".repeat((64 << 20) + 1)).await;
    assert!(answer.problem(413).starts_with("the body has more than the limit of 67108864 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_a_408() {
    let options = ApiOptions::default().body_timeout(Duration::from_secs(3));
    let api = Api::over(MemoryStore::default(), &options);
    let never =
        || Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
    assert_eq!(api.ingest(never()).await.problem(408), "the body did not arrive within 3 s");
    assert!(
        api.lines(never()).await.problem(408).starts_with("the body did not arrive within 3 s")
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_that_keeps_coming_is_a_413() {
    let api = Api::new();
    let piece = |_| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>(vec![b' '; 600_000]), ()))
    };
    let endless = Body::from_stream(futures_util::stream::unfold((), piece));
    assert!(api.ingest(endless).await.problem(413).starts_with("the body has more than"));
}

#[tokio::test]
async fn invalid_job_ids_are_400s() {
    let api = Api::new();
    for id in ["x", "-1", "1.0", "9223372036854775808", "%F0%9F%98%80", "%20"] {
        let detail = api.get(&format!("/api/v1/analytics/jobs/{id}")).await.problem(400);
        assert!(detail.starts_with("`job_id` must be an integer from 0 to"), "{detail}");
    }
    let detail = api.get("/api/v1/analytics/jobs/%ff").await.problem(400);
    assert!(detail.contains("UTF-8"), "{detail}");
    let detail = api.get("/api/v1/logs").await.problem(400);
    assert!(detail.starts_with("`job_id` is missing"), "{detail}");
    api.get("/api/v1/logs?job_id=x").await.problem(400);
}

#[tokio::test]
async fn invalid_days_are_400s() {
    let api = Api::new();
    for day in [
        "",
        "2024-02-30",
        "2024-13-01",
        "2024-1-1",
        "20240101",
        "today-ish",
        "d",
        "-1d",
        "2024-01-01T00:00:00Z",
        "+024-01-01",
        "%202024-01-01",
        "2023-02-29",
    ] {
        for query in [
            "summary?date=",
            "summary?to=2024-01-01&from=",
            "summary?from=2024-01-01&to=",
            "jobs?from=",
            "jobs?to=",
        ] {
            let detail = api.get(&format!("/api/v1/analytics/{query}{day}")).await.problem(400);
            assert!(
                detail.contains("is not a day of the calendar in the form YYYY-MM-DD"),
                "{detail}"
            );
        }
    }
}

#[tokio::test]
async fn a_summary_needs_a_day_or_a_range() {
    let api = Api::new();
    for (query, detail) in [
        ("", "`date` is missing"),
        ("date=today", "`date`: `today` is not a day"),
        ("date=2024-01-01&to=2024-01-01", "give either `date`, or `from` and `to`"),
        ("from=2024-01-02&to=2024-01-01", "`to` is before `from`"),
        ("from=2000-01-01&to=2024-01-01", "a range may have at most 3653 days"),
        ("date=2024-01-01&date=2024-01-02", "invalid query"),
    ] {
        let answer = api.get(&format!("/api/v1/analytics/summary?{query}")).await.problem(400);
        assert!(answer.starts_with(detail), "{query}: {answer}");
    }
}

#[tokio::test]
async fn unknown_parameters_and_limits_out_of_range_are_400s() {
    let api = Api::new();
    for path in [
        "analytics/jobs?usr=ada",
        "analytics/jobs/1?application=a",
        "analytics/summary?date=2024-01-01&usr=ada",
        "logs?job=1",
        "logs/rejected?page=2",
    ] {
        let detail = api.get(&format!("/api/v1/{path}")).await.problem(400);
        assert!(detail.contains("unknown field"), "{path}: {detail}");
    }
    for (path, most) in [
        ("analytics/jobs?", 10_000),
        ("analytics/summary?date=2024-01-01&", 10_000),
        ("logs?job_id=1&", 1_000),
        ("logs/rejected?", 1_000),
    ] {
        for limit in ["0", "-1", "x", "", "1e3", &(most + 1).to_string()] {
            let answer = api.get(&format!("/api/v1/{path}limit={limit}")).await;
            let expected = format!("`limit` must be an integer from 1 to {most}, not `{limit}`");
            assert_eq!(answer.problem(400), expected);
        }
        api.get(&format!("/api/v1/{path}limit={most}")).await.json();
    }
}

#[tokio::test]
async fn a_quoted_value_is_cut() {
    let path = format!("/api/v1/analytics/jobs/{}", "9".repeat(5_000));
    assert!(Api::new().get(&path).await.problem(400).len() < 200);
}

#[tokio::test]
async fn each_response_has_the_id_of_its_request_or_a_new_one() {
    let api = Api::new();
    let path = "/api/v1/logs/ingest";
    let answer = api.post(path, &[("x-request-id", "abc-1")], START).await;
    assert_eq!(answer.header("x-request-id"), "abc-1");
    let (long, spaced) = ("a".repeat(129), "a b");
    for bad in [long.as_str(), spaced] {
        let answer = api.post(path, &[("x-request-id", bad)], START).await;
        assert_eq!(answer.header("x-request-id").len(), 16);
    }
    let ids = [api.get("/nope").await, api.get("/health").await]
        .map(|a| a.header("x-request-id").to_owned());
    assert_ne!(ids[0], ids[1]);
}
