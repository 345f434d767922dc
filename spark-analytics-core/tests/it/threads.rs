//! Handles and errors can be sent to other threads.

use std::sync::Arc;

use spark_analytics_core::backend::UnpackError;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{
    Analytics, Cached, Error, Event, EventSplitter, InvalidEvent, MemoryStore, NotQueued,
    ParseDedupError, ParseTimeError, SplitError, Store,
};

fn is_shared<T: Send + Sync + 'static>() {}
fn is_an_error<T: std::error::Error + Send + Sync + Clone + 'static>() {}
fn is_sent(_: impl Send) {}

#[test]
fn handles_and_values_are_shared_by_threads() {
    is_shared::<Analytics>();
    is_shared::<Cached<Arc<dyn Store>>>();
    is_shared::<Event>();
    is_shared::<EventSplitter>();
    is_shared::<LogSnapshot>();
}

#[test]
fn a_call_may_resume_on_another_thread() {
    let analytics = Analytics::new(MemoryStore::default());
    is_sent(analytics.ingest(Vec::new()));
    is_sent(analytics.ingest_log(LogSnapshot::default()));
}

#[test]
fn every_error_can_be_boxed() {
    is_an_error::<Error>();
    is_an_error::<InvalidEvent>();
    is_an_error::<NotQueued>();
    is_an_error::<ParseDedupError>();
    is_an_error::<ParseTimeError>();
    is_an_error::<SplitError>();
    is_an_error::<UnpackError>();
}
