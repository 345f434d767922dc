//! The conformance suite on `examples/custom_store.rs`, and its own tests; `docs/writing-a-store.md` explains both.

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use spark_analytics_conformance::{Fixture, conformance};
use spark_analytics_core::{Dedup, Error, Event, JobKey, Receipt, Result, Store};
use tempfile::TempDir;

use self::store::JsonStore;

// Its `main` is for `cargo run --example custom_store`.
#[allow(dead_code)]
#[path = "../../../examples/custom_store.rs"]
mod store;

/// A file in its own temporary folder.
#[derive(Debug)]
pub struct InFile(TempDir, Dedup);

#[async_trait]
impl Fixture for InFile {
    fn new(dedup: Dedup) -> Self {
        Self(TempDir::new().unwrap(), dedup)
    }

    async fn open(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(JsonStore::open(self.0.path().join("store.json"), self.1)?))
    }
}

conformance!(json, super::InFile);

fn start(job_id: i64) -> Event {
    let at = "2024-03-30T10:00:00Z".parse().unwrap();
    Event::job_start(job_id, at, "ada").unwrap()
}

#[tokio::test]
async fn a_write_that_fails_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.json");
    let store = JsonStore::open(&path, Dedup::WithTask).unwrap();
    store.ingest(vec![start(1)]).await.unwrap();
    let in_the_way = folder.path().join("store.json.tmp");
    fs::create_dir(&in_the_way).unwrap();
    let error = store.ingest(vec![start(2)]).await.unwrap_err();
    assert!(matches!(error, Error::Engine { action: "write its file", .. }), "{error}");
    assert_eq!(store.job(&JobKey::new(2)).await.unwrap(), None);
    assert_eq!(store.ingest(vec![start(1)]).await.unwrap(), [Receipt::Duplicate(1)]);
    fs::remove_dir(in_the_way).unwrap();
    assert_eq!(store.ingest(vec![start(2)]).await.unwrap(), [Receipt::Recorded(2)]);
}

#[tokio::test]
async fn a_temporary_file_left_by_a_crash_is_not_read() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.json");
    JsonStore::open(&path, Dedup::WithTask).unwrap().ingest(vec![start(1)]).await.unwrap();
    fs::write(folder.path().join("store.json.tmp"), "{\"dedup\":\"ta").unwrap();
    let store = JsonStore::open(&path, Dedup::WithTask).unwrap();
    assert_eq!(store.ingest(vec![start(1)]).await.unwrap(), [Receipt::Duplicate(1)]);
}

#[tokio::test]
async fn a_file_is_open_in_one_store_until_it_is_closed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.json");
    let store = JsonStore::open(&path, Dedup::WithTask).unwrap();
    let error = JsonStore::open(&path, Dedup::WithTask).unwrap_err();
    assert!(error.to_string().contains("open already"), "{error}");
    store.close().await.unwrap();
    JsonStore::open(&path, Dedup::WithTask).unwrap();
    let error = store.ingest(vec![start(1)]).await.unwrap_err();
    assert!(error.to_string().contains("was closed"), "{error}");
}

#[test]
fn a_file_that_cannot_be_used_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("store.json");
    JsonStore::open(&path, Dedup::WithTask).unwrap();
    let error = JsonStore::open(&path, Dedup::JobTypeTimestamp).unwrap_err();
    assert!(error.to_string().contains("rule `task`, not `time`"), "{error}");
    fs::write(&path, "{}").unwrap();
    let error = JsonStore::open(&path, Dedup::WithTask).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
    assert!(error.to_string().contains("store.json"), "{error}");
}

#[test]
fn each_excerpt_in_the_documentation_is_in_the_code() {
    let page = include_str!("../../../docs/writing-a-store.md").replace('\r', "");
    let store = include_str!("../../../examples/custom_store.rs");
    let code = format!("{store}\n{}", include_str!("custom_store.rs")).replace('\r', "");
    let excerpts = page.split("\n```rust\n").skip(1).filter_map(|rest| rest.split("\n```").next());
    let excerpts: Vec<&str> = excerpts.collect();
    assert!(excerpts.len() >= 8, "the page shows the store: {} excerpts", excerpts.len());
    for excerpt in excerpts {
        assert!(code.contains(&format!("\n{excerpt}\n")), "not in custom_store.rs:\n{excerpt}");
    }
}
