//! Event logs replayed by workers.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use crate::worker_support::{Place, until};
use serde_json::json;
use spark_analytics_core::{MemoryStore, Store};
use spark_analytics_eventlog::read_log;

const LOG: &str = "local-1795465776192";

/// Copies of a log, each of a different application.
fn archive(folder: &Path, count: usize) -> Vec<PathBuf> {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/eventlogs").join(LOG);
    let text = std::fs::read_to_string(log).unwrap();
    let copy = |number: usize| {
        let app = format!("local-{number}");
        let path = folder.join(&app);
        std::fs::write(&path, text.replace(LOG, &app)).unwrap();
        path
    };
    (0..count).map(copy).collect()
}

#[tokio::test]
async fn two_workers_share_an_archive() {
    let place = Place::new("archive").await;
    let logs = archive(place.folder.path(), 20);
    let reference = MemoryStore::default();
    for log in &logs {
        reference.ingest_logs(vec![read_log(log).unwrap().snapshot], Vec::new()).await.unwrap();
    }
    let workers = [place.worker(&[]), place.worker(&["--concurrency", "1"])];
    for worker in &workers {
        worker.says("consuming").await;
    }
    for log in &logs {
        place.publish("spark.eventlogs", json!({"uri": log}).to_string().as_bytes()).await;
    }
    place.is_like(&reference).await;
    for mut worker in workers {
        worker.signal("-TERM");
        assert_eq!(worker.ended().await, Some(0));
        let replayed = worker.log().matches("replayed").count();
        assert!((1..20).contains(&replayed), "one of two replayed {replayed}");
    }
    assert_eq!(place.waiting("spark.eventlogs").await, 0);
    assert_eq!(place.waiting("spark.dead").await, 0);
}

#[tokio::test]
async fn a_stored_log_that_has_not_changed_is_not_read_again() {
    let place = Place::new("again").await;
    let _worker = place.worker(&["--concurrency", "1"]);
    let folder = place.folder.path().join("logs");
    std::fs::create_dir(&folder).unwrap();
    let log = &archive(&folder, 1)[0];
    let reference = MemoryStore::default();
    reference.ingest_logs(vec![read_log(log).unwrap().snapshot], Vec::new()).await.unwrap();
    let message = json!({"uri": folder}).to_string();
    place.publish("spark.eventlogs", message.as_bytes()).await;
    place.is_like(&reference).await;

    // An unreadable log would be dead-lettered.
    let before = std::fs::metadata(log).unwrap();
    std::fs::write(log, vec![b'x'; before.len() as usize]).unwrap();
    let written = std::fs::File::options().append(true).open(log).unwrap();
    written.set_modified(before.modified().unwrap()).unwrap();
    place.publish("spark.eventlogs", message.as_bytes()).await;
    place.publish("spark.eventlogs", b"oops").await;
    assert_eq!(place.dead().await.0, "oops");
    assert_eq!(place.waiting("spark.dead").await, 0);
    place.is_like(&reference).await;
}

#[tokio::test]
async fn a_file_that_is_not_an_event_log_is_dead_lettered_with_the_reason() {
    let place = Place::new("no-logs").await;
    let _worker = place.worker(&["--concurrency", "1"]);
    std::fs::write(place.folder.path().join("text"), "no log").unwrap();
    std::fs::create_dir(place.folder.path().join("empty")).unwrap();
    for (body, reason) in [
        ("{\"uri\":\"missing\"}", "missing"),
        ("{\"uri\":\"text\"}", "text is not a Spark event log"),
        ("{\"uri\":\"empty\"}", "there is no event log at empty"),
        ("{\"url\":\"a\"}", "missing field `uri`"),
        ("oops", "names an event log"),
    ] {
        place.publish("spark.eventlogs", body.as_bytes()).await;
        let (dead, reported, queue) = place.dead().await;
        assert_eq!((&*dead, &*queue), (body, "spark.eventlogs"));
        assert!(reported.contains(reason), "{reported}");
    }
    assert_eq!(place.rejected(5).await[0].rejection.raw, "oops");
    let long = json!({"uri": "é".repeat(200_000)}).to_string();
    place.publish("spark.eventlogs", long.as_bytes()).await;
    let (dead, reported, _) = place.dead().await;
    assert!(dead == long && reported.len() <= 2_000);
    until("no message", async || (place.waiting("spark.eventlogs").await == 0).then_some(())).await;
}
