#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod idle;
mod open;
mod options;
mod read;
mod rows;
mod statement;
mod store;
mod transaction;
mod value;
mod write;

pub use options::SqliteOptions;
pub use store::SqliteStore;
