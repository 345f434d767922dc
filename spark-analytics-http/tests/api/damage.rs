//! Hostile and damaged bodies: answered, without harm.

use axum::body::Body;
use serde_json::Value;
use spark_analytics_core::MemoryStore;
use spark_analytics_http::Options;

use crate::batch::{gzip_of, zstd_of};
use crate::{Answer, Api, END, START, TASK};

const BATCH: &str = "/api/v1/logs/batch";

fn small() -> Options {
    let mut options = Options::default();
    options.batch_bytes = 100_000;
    options
}

fn recorded(answer: &Answer) -> i64 {
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    problem["taken"]["recorded"].as_i64().unwrap()
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_rejected_and_spoil_nothing_else() {
    let api = Api::new();
    let bad = [&START.as_bytes()[..50], b"\xff\xfe"].concat();
    let detail = api.ingest(bad.clone()).await.problem(400);
    assert_eq!(detail, "the event is not UTF-8: the byte at 50 is wrong");
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
    assert_eq!(detail, "field `event` must be a text, not a list");
    let unknown = START.replace(r#""user""#, &format!(r#""x":{deep},"user""#));
    let answer = api.array(format!("[{unknown},{wrong},{END}]")).await.json();
    assert_eq!((answer["recorded"].as_i64(), answer["rejected"].as_i64()), (Some(2), Some(1)));
    assert!(api.get("/api/v1/logs?job_id=101&limit=1").await.text().contains(&unknown));
    let detail = api.array("[".repeat(1_000_000)).await.problem(400);
    assert!(detail.starts_with("the body ends before its JSON array does"), "{detail}");
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
async fn an_event_over_64_kib_is_rejected_and_spoils_nothing_else() {
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
async fn a_bomb_stops_at_the_limit_of_what_it_unpacks_to() {
    let bomb = "\n".repeat(50_000_000);
    for (encoding, body) in [("gzip", gzip_of(&bomb).await), ("zstd", zstd_of(&bomb).await)] {
        let api = Api::over(MemoryStore::default(), &small());
        let headers = [("content-type", "application/x-ndjson"), ("content-encoding", encoding)];
        assert!(body.len() < 100_000);
        let detail = api.post(BATCH, &headers, body).await.problem(413);
        assert!(detail.starts_with("the body has more than the 100000 bytes"), "{detail}");
    }
}

#[tokio::test]
async fn what_unpacks_to_nothing_stops_at_the_limit_too() {
    let api = Api::over(MemoryStore::default(), &small());
    let nothing = gzip_of("").await;
    let members = std::iter::repeat_with(move || Ok::<_, std::io::Error>(nothing.clone()));
    let body = Body::from_stream(futures_util::stream::iter(members.take(1_000_000)));
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "gzip")];
    let answer = api.post(BATCH, &headers, body).await;
    assert!([400, 413].contains(&answer.status.as_u16()), "{}", answer.text());
}

#[tokio::test]
async fn a_zstd_frame_that_asks_for_much_memory_is_refused() {
    // Magic number, a frame header without a single segment, a window of 2^31 bytes.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "zstd")];
    let detail = Api::new().post(BATCH, &headers, frame.to_vec()).await.problem(400);
    assert!(detail.starts_with("the body cannot be read to its end"), "{detail}");
}

#[tokio::test]
async fn what_came_before_the_limit_stays() {
    let api = Api::over(MemoryStore::default(), &small());
    let pieces = [format!("{START}\n{TASK}\n{}", " ".repeat(50_000)), " ".repeat(60_000)];
    let body = Body::from_stream(futures_util::stream::iter(pieces.map(Ok::<_, std::io::Error>)));
    let answer = api.lines(body).await;
    let detail = answer.problem(413);
    assert!(
        detail.ends_with(
            "of the events before it 2 were recorded, 0 known, 0 replaced and 0 rejected"
        ),
        "{detail}"
    );
    assert_eq!(recorded(&answer), 2);
    let events = api.get("/api/v1/logs?job_id=101").await.json();
    assert_eq!(events["events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_came_before_the_damage_stays() {
    let api = Api::new();
    let mut body = zstd_of(&format!("{START}\n")).await;
    body.extend(b"damage");
    let headers = [("content-type", "application/x-ndjson"), ("content-encoding", "zstd")];
    let answer = api.post(BATCH, &headers, body).await;
    answer.problem(400);
    assert_eq!(recorded(&answer), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_says_what_was_taken() {
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
async fn an_array_that_is_none_is_a_400_and_is_kept() {
    let api = Api::new();
    for (body, detail, taken) in [
        (START.to_owned(), "the body must be a JSON array of events", 0),
        (String::new(), "the body must be a JSON array of events", 0),
        (format!("[{START}] x"), "something follows the end of the JSON array", 1),
        (format!("[{END},"), "the body ends before its JSON array does", 1),
        (format!("[{TASK}"), "the body ends before its JSON array does", 1),
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
