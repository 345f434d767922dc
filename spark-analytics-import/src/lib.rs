#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod batches;
mod follow;
mod progress;
mod sources;

pub use batches::{Batch, Batches, ReadLog, read_batches};
pub use follow::follow;
pub use progress::{LogState, Update};
pub use sources::source_to_record;
