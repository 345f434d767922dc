//! Hostile and damaged bodies are answered and do no harm.

use async_compression::Level;
use async_compression::tokio::write::ZstdEncoder;
use async_compression::zstd::CParameter;
use axum::body::Body;
use serde_json::Value;
use spark_analytics_core::{MemoryStore, Store};
use spark_analytics_http::ApiOptions;
use tokio::io::AsyncWriteExt;

use crate::batch::{gzip_of, zstd_of};
use crate::{Answer, Api, END, START, TASK};

const BATCH: &str = "/api/v1/logs/batch";

fn small() -> ApiOptions {
    ApiOptions::default().batch_bytes(100_000)
}

fn recorded(answer: &Answer) -> i64 {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    problem["taken"]["recorded"].as_i64().unwrap()
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_rejected_without_affecting_others() {
    let api = Api::new();
    let bad = [&START.as_bytes()[..50], b"\xff\xfe"].concat();
    let detail = api.ingest(bad.clone()).await.problem(400);
    assert_eq!(detail, "the event cannot be read: not valid UTF-8: invalid byte at offset 50");
    let body = [START.as_bytes(), &bad, END.as_bytes()].join(&b'\n');
    let answer = api.lines(body).await.json();
    assert_eq!((answer["recorded"].as_i64(), answer["rejected"].as_i64()), (Some(2), Some(1)));
}

#[tokio::test]
async fn deep_nesting_does_no_harm() {
    let api = Api::new();
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let wrong = format!(r#"{{"event":{deep}}}"#);
    let detail = api.ingest(wrong.clone()).await.problem(400);
    assert!(detail.contains("nested in more than 100 levels"), "{detail}");
    let unknown = START.replace(r#""user""#, &format!(r#""x":{deep},"user""#));
    let answer = api.array(format!("[{unknown},{wrong},{END}]")).await.json();
    assert_eq!((answer["recorded"].as_i64(), answer["rejected"].as_i64()), (Some(1), Some(2)));
    let page = api.get("/api/v1/logs?job_id=101&limit=1").await;
    assert!(!page.text().contains("[[") && page.text().contains("SparkListenerJobEnd"));
    let detail = api.array("[".repeat(1_000_000)).await.problem(400);
    assert!(detail.starts_with("the body ends before its JSON array"), "{detail}");
}

#[tokio::test]
async fn huge_numbers_are_rejected() {
    let api = Api::new();
    for number in ["1e400", "1e30", "18446744073709551616", &"9".repeat(30_000), "1.5"] {
        let detail = api.ingest(START.replace("101", number)).await.problem(400);
        assert!(detail.contains("job_id") || detail.contains("number"), "{detail}");
    }
}

#[tokio::test]
async fn an_event_over_64_kib_is_rejected_without_affecting_others() {
    let api = Api::new();
    let long = START.replace("ada", &"a".repeat(300_000));
    let detail = api.ingest(long.clone()).await.problem(400);
    assert!(detail.starts_with("the event has 300"), "{detail}");
    let lines = api.lines(format!("{START}\n{long}\n{END}")).await;
    let array = api.array(format!("[{START},{long},{END}]")).await;
    for answer in [lines.json(), array.json()] {
        assert_eq!(answer["rejected"], 1);
        assert_eq!(answer["results"][1]["detail"], detail);
    }
    let kept = api.get("/api/v1/logs/rejected").await.json();
    assert_eq!(kept["rejected"][0]["raw"].as_str().unwrap().len(), 8 * 1024);
}

#[tokio::test]
async fn a_compression_bomb_stops_at_the_limit_of_unpacked_bytes() {
    let bomb = "\n".repeat(50_000_000);
    for (encoding, body) in [("gzip", gzip_of(&bomb).await), ("zstd", zstd_of(&bomb).await)] {
        let api = Api::over(MemoryStore::default(), &small());
        let headers = [("content-type", "application/x-ndjson"), ("content-encoding", encoding)];
        assert!(body.len() < 100_000);
        let detail = api.post(BATCH, &headers, body).await.problem(413);
        assert!(detail.starts_with("the body has more than the limit of 100000 bytes"), "{detail}");
    }
}

#[tokio::test]
async fn input_that_unpacks_to_nothing_stops_at_the_limit_too() {
    let api = Api::over(MemoryStore::default(), &small());
    let nothing = gzip_of("").await;
    let members = std::iter::repeat_with(move || Ok::<_, std::io::Error>(nothing.clone()));
    let body = Body::from_stream(futures_util::stream::iter(members.take(1_000_000)));
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    let answer = api.post(BATCH, &headers, body).await;
    assert!([400, 413].contains(&answer.status.as_u16()), "{}", answer.text());
}

#[tokio::test]
async fn a_bomb_of_bad_lines_ends_the_batch_at_the_number_that_is_kept() {
    let bomb = gzip_of(&"0\n".repeat(1_000_000)).await;
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    for query in ["", "?errors=only"] {
        let api = Api::new();
        let answer = api.post(&format!("{BATCH}{query}"), &headers, bomb.clone()).await;
        let detail = answer.problem(400);
        assert!(detail.starts_with("more than 10000 elements of the batch were rejected"));
        let problem: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["taken"]["rejected"], 10_000);
        let kept = api.store.rejected(None, 20_000).await.unwrap();
        assert_eq!((kept.len(), kept[0].rejection.raw.len()), (10_000, 8 * 1024));
    }
    let most = "0\n".repeat(10_000);
    assert_eq!(Api::new().lines(most.clone()).await.json()["rejected"], 10_000);
    let answer = Api::new().lines(format!("{most}{START}\n0\n{END}")).await;
    answer.problem(400);
    assert_eq!(recorded(&answer), 1);
}

#[tokio::test]
async fn bodies_that_are_refused_as_a_whole_are_kept_with_their_head() {
    let api = Api::over(MemoryStore::default(), &small());
    let long = format!("{}{}", "x".repeat(9_000), " ".repeat(2 << 20));
    let cut = gzip_of(&format!("{START}\n{END}")).await;
    let cut = cut[..cut.len() - 8].to_vec();
    let unannounced = |text: &str| {
        let pieces = [Ok::<_, std::io::Error>(text.to_owned())];
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    let head = &long[..8 * 1024];
    let lines = ("content-type", "application/x-ndjson");
    for (path, headers, body, status, raw) in [
        ("ingest", &[][..], Body::from(long.clone()), 413, head),
        ("ingest", &[], unannounced(&long), 413, head),
        ("batch", &[lines], Body::from(long.clone()), 413, head),
        ("batch", &[lines], unannounced(&long), 413, head),
        ("batch", &[lines, ("content-encoding", "gzip")], Body::from(cut), 400, START),
    ] {
        let answer = api.post(&format!("/api/v1/logs/{path}"), headers, body).await;
        let detail = answer.problem(status);
        let kept = &api.store.rejected(None, 1).await.unwrap()[0].rejection;
        assert!(detail.starts_with(&kept.reason), "{path}: {detail}, but {}", kept.reason);
        assert!(kept.raw.starts_with(raw), "{path}: {}", kept.raw);
    }
}

#[tokio::test]
async fn a_zstd_frame_that_asks_for_much_memory_is_refused() {
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "zstd")];
    for window_log in 20..=27 {
        let mut encoder = ZstdEncoder::with_quality_and_params(
            Vec::new(),
            Level::Default,
            &[CParameter::window_log(window_log)],
        );
        encoder.write_all(START.as_bytes()).await.unwrap();
        // After a flush the encoder cannot know the size, so it has to declare the window.
        encoder.flush().await.unwrap();
        encoder.shutdown().await.unwrap();
        let answer = Api::new().post(BATCH, &headers, encoder.into_inner()).await;
        if window_log <= 23 {
            assert_eq!(answer.json()["recorded"], 1, "2^{window_log}");
        } else {
            let detail = answer.problem(400);
            assert!(detail.contains("requires too much memory"), "2^{window_log}: {detail}");
        }
    }
}

#[tokio::test]
async fn events_before_the_limit_stay() {
    let api = Api::over(MemoryStore::default(), &small());
    let pieces = [format!("{START}\n{TASK}\n{}", " ".repeat(50_000)), " ".repeat(60_000)];
    let body = Body::from_stream(futures_util::stream::iter(pieces.map(Ok::<_, std::io::Error>)));
    let answer = api.lines(body).await;
    let detail = answer.problem(413);
    assert!(
        detail.ends_with("; events before it: 2 recorded, 0 already known, 0 replaced, 0 rejected"),
        "{detail}"
    );
    assert_eq!(recorded(&answer), 2);
    let events = api.get("/api/v1/logs?job_id=101").await.json();
    assert_eq!(events["events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn events_before_the_damage_stay() {
    let api = Api::new();
    let mut body = zstd_of(&format!("{START}\n")).await;
    body.extend(b"damage");
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "zstd")];
    let answer = api.post(BATCH, &headers, body).await;
    answer.problem(400);
    assert_eq!(recorded(&answer), 1);
}

#[tokio::test]
async fn a_truncated_body_is_answered_with_the_accepted_events() {
    let api = Api::new();
    let whole = gzip_of(&format!("{START}\n{TASK}\n")).await;
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    let answer = api.post(BATCH, &headers, whole[..whole.len() - 9].to_vec()).await;
    assert!(answer.problem(400).starts_with("the body cannot be read to its end"));
    let lost = std::io::Error::other("connection lost");
    let pieces = [Ok(format!("{START}\n{END}\n{}", &TASK[..30])), Err(lost)];
    let answer = api.lines(Body::from_stream(futures_util::stream::iter(pieces))).await;
    assert!(answer.problem(400).contains("connection lost"));
    let listed = api.get("/api/v1/logs?job_id=101").await.json();
    let cut = listed["events"].as_array().unwrap().iter().any(|row| row["event"]["task_id"] == 30);
    assert!(!cut);
    api.get("/api/v1/analytics/jobs/101").await.json();
}

#[tokio::test]
async fn a_body_that_is_not_an_array_is_a_400_and_is_kept() {
    let api = Api::new();
    for (body, detail, taken) in [
        (START.to_owned(), "the body must be a JSON array of events", 0),
        (String::new(), "the body must be a JSON array of events", 0),
        (format!("[{START}] x"), "unexpected data after the end of the JSON array", 1),
        (format!("[{END},"), "the body ends before its JSON array", 1),
        (format!("[{TASK}"), "the body ends before its JSON array", 1),
    ] {
        let answer = api.array(body.clone()).await;
        let problem = answer.problem(400);
        assert!(problem.starts_with(detail), "{body}: {problem}");
        assert_eq!(recorded(&answer), taken, "{body}");
        let kept = api.get("/api/v1/logs/rejected?limit=1").await.json();
        assert!(kept["rejected"][0]["reason"].as_str().unwrap().starts_with(detail));
    }
}

#[tokio::test]
async fn missing_elements_of_an_array_are_rejected_alone() {
    let answer = Api::new().array(format!("[,{START},,{END},]")).await.json();
    let outcomes: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|r| &r["outcome"]).collect();
    assert_eq!(outcomes, ["rejected", "recorded", "rejected", "recorded", "rejected"]);
}
