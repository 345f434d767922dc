#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod analytics;
pub mod backend;
mod error;
mod event;
pub mod figures;
pub mod history;
mod identity;
pub mod log;
mod queue;
mod rejected;
mod store;
mod sync;
mod time;

pub use analytics::{Analytics, CommitLimits};
pub use error::{Error, IncompatibleCause, LocationCause, Result};
pub use event::invalid::{FieldProblem, InvalidEvent};
pub use event::limits::{MAX_DURATION_MS, MAX_EVENT_BYTES, MAX_EVENT_DEPTH, MAX_STRING_BYTES};
pub use event::splitter::{EventPlace, EventSplitter, EventText, SplitError};
pub use event::{Event, EventContent, EventDetail};
pub use figures::histogram::Histogram;
pub use figures::job::{FigureSource, Job, JobRecord, UnknownSource};
pub use figures::labels::{JobLabels, MAX_LABEL_BYTES};
pub use figures::result::{JobResult, UnknownResult};
pub use figures::rollup::Rollup;
pub use figures::tasks::{TaskOutcome, TaskTotals};
pub use identity::{AttemptKey, Dedup, EventType, JobKey, ParseDedupError};
pub use queue::{NotQueued, Queue};
pub use rejected::{MAX_REJECTED, MAX_REJECTED_BYTES, Rejected, Rejection};
pub use store::attempts::{attempts_of, newest_attempt};
pub use store::cached::{CacheCounts, Cached};
pub use store::durability::Durability;
pub use store::facts::{Facts, KeyRange};
pub use store::memory::MemoryStore;
pub use store::{
    EventCursor, Forgotten, JobCursor, JobFilter, JobOrder, LogReceipt, OtherRun, ParseOrderError,
    PruneScope, Pruned, PrunedLogs, Receipt, Refusal, Store, StoredEvent, UnknownResultWord,
};
pub use time::{Day, ParseTimeError, Timestamp};
