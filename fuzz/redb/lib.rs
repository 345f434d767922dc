//! The redb store's own modules, so that its keys and rows can be fuzzed without a file and threads.

mod damage;
mod order;

#[path = "../../spark-analytics-redb/src/fault.rs"]
mod fault;
#[path = "../../spark-analytics-redb/src/ingest.rs"]
mod ingest;
#[path = "../../spark-analytics-redb/src/keys.rs"]
mod keys;
#[path = "../../spark-analytics-redb/src/log.rs"]
mod log;
#[path = "../../spark-analytics-redb/src/open.rs"]
mod open;
#[path = "../../spark-analytics-redb/src/options.rs"]
mod options;
#[path = "../../spark-analytics-redb/src/prune.rs"]
mod prune;
#[path = "../../spark-analytics-redb/src/read.rs"]
mod read;
#[path = "../../spark-analytics-redb/src/shared.rs"]
mod shared;
#[path = "../../spark-analytics-redb/src/storage.rs"]
mod storage;
#[path = "../../spark-analytics-redb/src/store.rs"]
mod store;
#[path = "../../spark-analytics-redb/src/tables.rs"]
mod tables;

pub use damage::{World, figures, figures_of_job, figures_of_log, figures_of_range, greater};
pub use options::{Durability, RedbOptions};
pub use order::check;
pub use store::RedbStore;
