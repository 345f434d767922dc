#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod app;
mod applications;
mod attempts;
mod batch;
mod body;
mod cursor;
mod docs;
pub mod figures;
mod history;
mod ingest;
mod jobs;
mod linger;
mod logs;
mod observe;
mod options;
mod outcome;
mod params;
mod problem;
mod queue;
mod rejections;
mod round;
mod serve;
mod status;
mod summary;
mod wire;

pub use app::{router, router_with_queue};
pub use ingest::TOO_OLD;
pub use options::Options;
pub use queue::{NotQueued, Queue};
pub use serve::serve;
