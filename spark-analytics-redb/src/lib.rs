#![doc = include_str!("../README.md")]
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
mod store;
mod tables;
mod unfinished;

pub use options::{Durability, RedbOptions};
pub use store::RedbStore;
