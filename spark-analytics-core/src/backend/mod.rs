//! For authors of stores: the state that a store loads, and the changes that it writes.
//!
//! [`plan`], [`plan_log`], [`plan_prune_logs`] and [`plan_forget`] are pure. A store loads what they ask for, calls them, writes what they
//! return and commits.

pub(crate) mod columns;
pub(crate) mod limits;
pub(crate) mod log_batch;
pub(crate) mod plan;
pub(crate) mod plan_log;
pub(crate) mod plan_removal;
pub(crate) mod schema;
pub(crate) mod upgrade;

pub use crate::figures::fold::{JobEnd, JobFold, JobStart};
pub use crate::identity::{EventId, RollupKey};
pub use crate::log::codec::UnpackError;
pub use crate::rejected::{FORGOTTEN_INPUT, mention_of};
pub use crate::store::apart::{IngestedPart, ingest_apart};
pub use columns::{HeldJobColumns, JobColumns};
pub use limits::rows_limit;
pub use log_batch::LogBatch;
pub use plan::{Batch, EventWrite, Held, JobWrite, WriteSet, plan};
pub use plan_log::{HeldLog, LogWriteSet, plan_log};
pub use plan_removal::{OldApplications, Removed, plan_forget, plan_prune_logs};
pub use schema::{newer_schema, other_dedup, other_schema};
pub use upgrade::RollupUpgrade;

pub use crate::{event_task_columns, task_columns};
