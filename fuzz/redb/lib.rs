//! The redb store's own modules, so that its keys and rows can be fuzzed without a file and threads.

mod damage;
mod order;

#[path = "../../spark-analytics-redb/src/error.rs"]
mod error;
#[path = "../../spark-analytics-redb/src/handle.rs"]
mod handle;
#[path = "../../spark-analytics-redb/src/keys.rs"]
mod keys;
#[path = "../../spark-analytics-redb/src/open.rs"]
mod open;
#[path = "../../spark-analytics-redb/src/options.rs"]
mod options;
#[path = "../../spark-analytics-redb/src/place.rs"]
mod place;
#[path = "../../spark-analytics-redb/src/read/mod.rs"]
mod read;
#[path = "../../spark-analytics-redb/src/rows/mod.rs"]
mod rows;
#[path = "../../spark-analytics-redb/src/storage.rs"]
mod storage;
#[path = "../../spark-analytics-redb/src/store.rs"]
mod store;
#[path = "../../spark-analytics-redb/src/tables.rs"]
mod tables;
#[path = "../../spark-analytics-redb/src/value.rs"]
mod value;
#[path = "../../spark-analytics-redb/src/write/mod.rs"]
mod write;

pub use damage::{World, figures, figures_of_job, figures_of_log, figures_of_range, greater};
pub use options::RedbOptions;
pub use order::check;
pub use store::RedbStore;
