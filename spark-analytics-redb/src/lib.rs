#![doc = include_str!("../README.md")]
//!
//! [`Store::close`]: spark_analytics_core::Store::close
#![forbid(unsafe_code)]

mod error;
mod handle;
mod keys;
mod open;
mod options;
mod place;
mod read;
mod rows;
mod storage;
mod store;
mod tables;
mod value;
mod write;

pub use options::RedbOptions;
pub use redb::StorageBackend;
pub use store::RedbStore;
