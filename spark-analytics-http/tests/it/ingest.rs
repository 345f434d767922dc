//! `POST /api/v1/logs/ingest`.

use spark_analytics_core::{Day, Store};

use crate::{Api, START};

#[tokio::test]
async fn a_new_event_is_answered_with_its_id() {
    let answer = Api::new().ingest(START).await;
    answer.json();
    assert_eq!(
        answer.text(),
        r#"{"success":true,"message":"Log ingested successfully","log_id":1,"outcome":"recorded"}"#
    );
}

#[tokio::test]
async fn a_known_event_is_answered_with_the_id_it_has() {
    let api = Api::new();
    api.ingest(START).await.json();
    let answer = api.ingest(START).await;
    answer.json();
    assert_eq!(
        answer.text(),
        r#"{"success":true,"message":"Log entry already exists (ID: 1)","log_id":1,"outcome":"duplicate"}"#
    );
}

#[tokio::test]
async fn a_greater_event_of_the_same_identity_replaces_and_keeps_the_id() {
    let api = Api::new();
    api.ingest(START).await.json();
    let answer = api.ingest(START.replace("ada", "bob")).await;
    answer.json();
    assert_eq!(
        answer.text(),
        r#"{"success":true,"message":"Log entry already exists (ID: 1)","log_id":1,"outcome":"replaced"}"#
    );
}

#[tokio::test]
async fn the_media_type_may_have_parameters_or_be_left_out() {
    let api = Api::new();
    let path = "/api/v1/logs/ingest";
    let typed = [("content-type", "Application/JSON; charset=utf-8")];
    api.post(path, &typed, START).await.json();
    api.post(path, &[], START).await.json();
}

#[tokio::test]
async fn a_bad_event_is_a_400_that_names_the_field_and_is_kept() {
    let api = Api::new();
    let bad = START.replace("101", "-1");
    let detail = api.ingest(bad.clone()).await.problem(400);
    assert_eq!(detail, "field `job_id` must be between 0 and 9223372036854775807");
    let kept = api.get("/api/v1/logs/rejected").await.json();
    assert_eq!(kept["rejected"][0]["raw"], bad);
    assert_eq!(kept["rejected"][0]["reason"], detail);
    assert!(kept["rejected"][0]["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn an_event_before_the_prune_day_is_a_400_and_is_kept() {
    let api = Api::new();
    api.store.prune("2024-04-01".parse::<Day>().unwrap()).await.unwrap();
    let detail = api.ingest(START).await.problem(400);
    assert!(detail.contains("pruned"), "{detail}");
    let kept = api.get("/api/v1/logs/rejected").await.json();
    assert_eq!(kept["rejected"][0]["raw"], START);
}

#[tokio::test]
async fn an_event_may_come_in_pieces() {
    let (head, tail) = START.split_at(20);
    let pieces = [head, tail].map(|piece| Ok::<_, std::io::Error>(piece.to_owned()));
    let body = axum::body::Body::from_stream(futures_util::stream::iter(pieces));
    Api::new().ingest(body).await.json();
}
