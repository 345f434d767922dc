//! The state that all handlers share.

use std::sync::Arc;

use axum::body::Bytes;
use spark_analytics_core::{Analytics, Queue};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use crate::degradation::Degradation;
use crate::options::ApiOptions;
use crate::reading::permits::Permits;
use crate::rejections::Rejections;

/// The state as handlers extract it.
pub(crate) type App = Arc<Shared>;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) analytics: Analytics,
    /// The queue that accepts events in place of the store, if there is one.
    pub(crate) queue: Option<Arc<dyn Queue>>,
    /// What `/ready` reports beside them.
    pub(crate) degradation: Degradation,
    pub(crate) options: ApiOptions,
    pub(crate) rejections: Rejections,
    /// The OpenAPI document, as JSON.
    pub(crate) document: Bytes,
    pub(crate) ready: LastReady,
    /// Permits for reads under way.
    pub(crate) permits: Permits,
    /// Permits to parse a piece of a batch, one for each core, granted in turn. Without them, the batches in
    /// progress could occupy every worker thread and delay all other requests.
    pub(crate) parsing: Semaphore,
}

/// When readiness was last checked, and the reason if the server was not ready.
pub(crate) type LastReady = Mutex<Option<(Instant, Result<(), String>)>>;
