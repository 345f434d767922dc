//! `POST /api/v1/logs/batch`.

use async_compression::tokio::write::{GzipEncoder, ZstdEncoder};
use serde_json::{Value, json};
use spark_analytics_core::{Day, MemoryStore, Store};
use spark_analytics_http::ApiOptions;
use tokio::io::AsyncWriteExt;

use crate::queue::api as publishing;
use crate::{Api, END, FAILED_TASK, START, TASK};

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

#[tokio::test]
async fn each_line_has_an_outcome() {
    let api = Api::new();
    let greater = START.replace("ada", "bob");
    let answer = api.lines([START, "{}", START, &greater].join("\n")).await;
    answer.json();
    assert_eq!(
        answer.text(),
        concat!(
            r#"{"recorded":1,"duplicate":1,"replaced":1,"rejected":1,"results":["#,
            r#"{"index":0,"outcome":"recorded","log_id":1,"detail":null},"#,
            r#"{"index":1,"outcome":"rejected","log_id":null,"detail":"field `event` is missing"},"#,
            r#"{"index":2,"outcome":"duplicate","log_id":1,"detail":null},"#,
            r#"{"index":3,"outcome":"replaced","log_id":1,"detail":null}]}"#
        )
    );
}

#[tokio::test]
async fn an_array_has_the_same_outcomes_as_lines() {
    let events = [START, "7", TASK, "\"a,]b\\\"\"", FAILED_TASK, "[[1],{}]", END];
    let by_line = Api::new().lines(events.join("\n")).await.json();
    for (open, comma, close) in [("[", ",", "]"), (" [\n\t", "\r\n ,\n", "\n] \n")] {
        let array = format!("{open}{}{close}", events.join(comma));
        assert_eq!(Api::new().array(array).await.json(), by_line);
    }
}

#[tokio::test]
async fn blank_lines_do_not_count_and_a_last_line_needs_no_end() {
    let body = format!("\r\n{START}\r\n  \n\n{END}");
    let answer = Api::new().lines(body).await.json();
    assert_eq!((answer["recorded"].as_i64(), answer["rejected"].as_i64()), (Some(2), Some(0)));
    assert_eq!(answer["results"][1]["index"], 1);
}

#[tokio::test]
async fn an_empty_batch_is_not_an_error() {
    let empty = json!({"recorded":0,"duplicate":0,"replaced":0,"rejected":0,"results":[]});
    assert_eq!(Api::new().lines("").await.json(), empty);
    assert_eq!(Api::new().array(" [ ] ").await.json(), empty);
}

#[tokio::test]
async fn errors_only_omits_accepted_events() {
    let api = Api::new();
    let body = [START, "bad", END].join("\n");
    let answer = api.post("/api/v1/logs/batch?errors=only", &[NDJSON], body).await.json();
    assert_eq!(answer["recorded"], 2);
    let results = answer["results"].as_array().unwrap();
    assert_eq!((results.len(), results[0]["index"].as_i64()), (1, Some(1)));
    let detail = api.post("/api/v1/logs/batch?errors=all", &[NDJSON], "").await.problem(400);
    assert_eq!(detail, "`errors` must be `only`, not `all`");
}

#[tokio::test]
async fn too_old_events_are_rejected_and_kept_with_their_text() {
    let api = Api::new();
    api.store.prune("2024-03-31".parse::<Day>().unwrap()).await.unwrap();
    let young = START.replace("03-30", "04-02");
    let answer = api.lines([START, &young, END].join("\n")).await.json();
    assert_eq!((answer["recorded"].as_i64(), answer["rejected"].as_i64()), (Some(1), Some(2)));
    let kept = api.get("/api/v1/logs/rejected").await.json();
    let raw = [&kept["rejected"][1]["raw"], &kept["rejected"][0]["raw"]];
    assert_eq!(raw, [START, END]);
}

#[tokio::test]
async fn errors_only_lists_old_and_invalid_elements_in_their_order() {
    let api = Api::new();
    api.store.prune("2024-03-31".parse::<Day>().unwrap()).await.unwrap();
    let young = START.replace("03-30", "04-02");
    let body = [START, "bad", &young, END, "bad"].join("\n");
    let all = api.lines(body.clone()).await.json();
    let outcomes: Vec<_> =
        all["results"].as_array().unwrap().iter().map(|r| &r["outcome"]).collect();
    assert_eq!(outcomes, ["rejected", "rejected", "recorded", "rejected", "rejected"]);
    let only = api.post("/api/v1/logs/batch?errors=only", &[NDJSON], body).await.json();
    let mut expected = all["results"].as_array().unwrap().clone();
    expected.remove(2);
    assert_eq!(only["results"].as_array().unwrap(), &expected);
}

#[tokio::test]
async fn compressed_batches_are_read() {
    let body = [START, TASK, END].join("\n");
    let members = [gzip_of("\n").await, gzip_of(&body).await].concat();
    for (encoding, body) in
        [("gzip", gzip_of(&body).await), ("GZIP", members), ("zstd", zstd_of(&body).await)]
    {
        let api = Api::new();
        let headers = [NDJSON, ("content-encoding", encoding)];
        let answer = api.post("/api/v1/logs/batch", &headers, body).await.json();
        assert_eq!(answer["recorded"], 3, "{encoding}");
        assert_eq!(api.get("/api/v1/analytics/jobs/101").await.json()["task_count"], 1);
    }
}

#[tokio::test]
async fn a_long_batch_is_committed_in_parts_and_answered_as_one() {
    let api = Api::new();
    let tasks: Vec<String> =
        (0..5_000).map(|n| TASK.replace("task_101_004", &format!("task_{n}"))).collect();
    let answer = api.lines(tasks.join("\n")).await.json();
    assert_eq!(answer["recorded"], 5_000);
    let results = answer["results"].as_array().unwrap();
    for (index, result) in results.iter().enumerate() {
        let expected = json!({
            "index": index, "outcome": "recorded", "log_id": index + 1, "detail": null
        });
        assert_eq!(result, &expected);
    }
    assert_eq!(results.len(), 5_000);
}

#[tokio::test]
async fn a_batch_split_anywhere_has_the_same_outcomes() {
    let events = [START, "7", TASK, "\"a,]b\\\"\"", FAILED_TASK, "[[1],{}]", END];
    let lines = (NDJSON.1, events.join("\r\n"));
    let array = ("application/json", format!(" [{}] ", events.join(" , ")));
    for (media, body) in [lines, array] {
        let headers = [("content-type", media)];
        let whole = Api::new().post("/api/v1/logs/batch", &headers, body.clone()).await.json();
        for size in [1, 2, 3, 7, 50, 200] {
            let pieces: Vec<Result<Vec<u8>, std::io::Error>> =
                body.as_bytes().chunks(size).map(|piece| Ok(piece.to_vec())).collect();
            let pieces = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
            let answer = Api::new().post("/api/v1/logs/batch", &headers, pieces).await.json();
            assert_eq!(answer, whole, "{media} in pieces of {size}");
        }
    }
}

#[tokio::test]
async fn a_batch_over_the_limit_of_events_keeps_the_events_before_it() {
    let options = ApiOptions::default().batch_events(2);
    let api = Api::over(spark_analytics_core::MemoryStore::default(), &options);
    let answer = api.lines([START, TASK, END].join("\n")).await;
    let detail = answer.problem(413);
    assert!(detail.starts_with("the batch has more than the limit of 2 events"), "{detail}");
    let taken: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(taken["taken"]["recorded"], 2);
    let events = api.get("/api/v1/logs?job_id=101").await.json();
    assert_eq!(events["events"].as_array().unwrap().len(), 2);
    api.lines([START, TASK].join("\n")).await.json();
}

pub(crate) async fn gzip_of(body: &str) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(body.as_bytes()).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

pub(crate) async fn zstd_of(body: &str) -> Vec<u8> {
    let mut encoder = ZstdEncoder::new(Vec::new());
    encoder.write_all(body.as_bytes()).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

#[tokio::test]
async fn an_event_log_is_named_and_nothing_of_it_is_kept() {
    const LINE: &str = r#"{"Event":"SparkListenerLogStart","Spark Version":"3.5.1"}"#;
    const NAMED: &str = "this is a line of an event log that Spark wrote, not an event: import the log with \
                         `spark-analytics import`";
    let log = format!("{LINE}\n{LINE}\n{}\n", LINE.replace("3.5.1", &"x".repeat(70_000)));
    for queue in [false, true] {
        let api = if queue { publishing(MemoryStore::default(), 9).0 } else { Api::new() };
        assert_eq!(api.lines(log.clone()).await.problem(400), NAMED);
        assert_eq!(api.array(format!("[{LINE},{LINE}]")).await.problem(400), NAMED);
        // As JSON, and of a log without a short first line.
        assert_eq!(api.array(log.clone()).await.problem(400), NAMED);
        assert_eq!(api.lines(log.lines().last().unwrap().to_owned()).await.problem(400), NAMED);
        assert_eq!(api.ingest(LINE).await.problem(400), NAMED);
        assert_eq!(api.get("/api/v1/logs/rejected").await.json()["rejected"], json!([]));
    }
    // A line of one between events does not affect the events.
    let api = Api::new();
    let answer = api.lines([START, LINE].join("\n")).await.json();
    assert_eq!((&answer["recorded"], &answer["rejected"]), (&json!(1), &json!(1)));
    assert_eq!(answer["results"][1]["detail"], NAMED);
}
