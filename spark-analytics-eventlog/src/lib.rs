#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![allow(clippy::field_reassign_with_default, reason = "facts may gain fields")]

mod error;
mod fast;
mod fold;
mod follow;
mod locate;
mod log_file;
mod read;
mod redact;
mod source;
mod wire;

pub use error::LogError;
pub use fold::environment::MAX_PROPERTIES_BYTES;
pub use fold::process::MAX_PROCESSES_BYTES;
pub use fold::sql::MAX_PLANS_BYTES;
pub use fold::text::MAX_TEXT_BYTES;
pub use follow::{Follower, Polled};
pub use locate::{
    Discovered, FoundLog, LogKind, LogPart, MAX_FOLLOWED_DEPTH, MAX_FOLLOWED_FILES, Skipped,
    find_logs, is_url, list_logs,
};
pub use log_file::{LogFile, MAX_WARNINGS};
pub use read::blocks::MAX_LINE_BYTES;
pub use read::reader::{LogReader, read_found, read_from, read_log};
