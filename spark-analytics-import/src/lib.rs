#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batches;
mod follow;
mod future;
mod progress;
mod sources;

pub use batches::{Batch, Batches, ReadLog, read_batches};
pub use follow::{FollowOptions, follow};
pub use progress::{LogState, Look, Report, Started, Update, failed_jobs, said_of_run};
pub use sources::{KnownLog, known_logs, source_to_record};
