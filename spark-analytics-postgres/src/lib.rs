#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attempts;
mod columns;
mod event_row;
mod failure;
mod ingest;
mod job_row;
mod list;
mod lock;
mod log;
mod log_put;
mod log_rows;
mod log_source;
mod open;
mod prune;
mod rejected;
mod rollup_row;
mod rows;
mod store;
mod sums;
mod transaction;

pub use open::PostgresOptions;
pub use store::PostgresStore;
