#![doc = include_str!("../README.md")]
//!
//! [`Store::close`]: spark_analytics_core::Store::close
#![forbid(unsafe_code)]

mod fault;
mod ingest;
mod keys;
mod log;
mod open;
mod options;
mod prune;
mod read;
mod shared;
mod storage;
mod store;
mod tables;

pub use options::{Durability, RedbOptions};
pub use redb::StorageBackend;
pub use store::RedbStore;
