#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod lock;
mod open;
mod options;
mod read;
mod rows;
mod statement;
mod store;
mod transaction;
mod value;
mod write;

pub use options::PostgresOptions;
pub use store::PostgresStore;
