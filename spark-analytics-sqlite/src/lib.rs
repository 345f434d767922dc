#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod ingest;
mod job_row;
mod list;
mod log;
mod log_put;
mod log_rows;
mod log_source;
mod open;
mod prune;
mod rejected;
mod rollup_row;
mod statement;
mod store;
mod value;

pub use open::{SqliteOptions, Synchronous};
pub use store::SqliteStore;
