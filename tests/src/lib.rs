//! What any store of spark-analytics can be tested with.
#![forbid(unsafe_code)]

mod workload;

pub use workload::Workload;
