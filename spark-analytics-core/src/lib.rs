#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod analytics;
mod cached;
mod environment;
mod error;
mod event;
mod fold;
mod histogram;
pub mod history;
mod identity;
mod invalid;
mod job;
mod log;
mod memory;
mod packed;
mod plan;
mod plan_log;
mod scalar;
mod split;
mod sql;
mod store;
mod summary;
mod sync;
mod tasks;
mod time;

pub use analytics::{Analytics, Limits};
pub use cached::{CacheCounts, Cached};
pub use environment::{Environment, ExecutorResource, ResourceProfile};
pub use error::{Error, Result};
pub use event::{Content, Detail, Event, MAX_DURATION_MS, MAX_EVENT_BYTES, MAX_STRING_BYTES};
pub use fold::{End, JobFold, Start};
pub use histogram::Histogram;
pub use identity::{Dedup, EventId, EventType, JobKey, ParseDedupError, RollupKey};
pub use invalid::{InvalidEvent, Problem};
pub use job::{Job, JobRecord, JobResult, Source};
pub use log::{
    Application, Executor, LogJob, LogSnapshot, LogSource, LogWarning, MAX_LOCATION_BYTES, Stage,
    StageStatus,
};
pub use memory::MemoryStore;
pub use packed::UnpackError;
pub use plan::{Batch, EventWrite, Held, JobWrite, WriteSet, plan};
pub use plan_log::{HeldLog, LogWriteSet, plan_log};
pub use split::{EventPlace, EventSplitter, EventText, SplitError};
pub use sql::SqlExecution;
pub use store::{
    EventCursor, JobCursor, JobFilter, LogReceipt, MAX_REJECTED, MAX_REJECTED_BYTES, Pruned,
    Receipt, Rejected, Rejection, Store, StoredEvent,
};
pub use summary::Rollup;
pub use tasks::{TaskOutcome, TaskTotals};
pub use time::{Day, ParseTimeError, Timestamp};
