#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod app;
mod applications;
mod attempts;
mod batch;
mod body;
mod connections;
mod cursor;
mod docs;
mod exchange;
pub mod figures;
mod history;
mod ingest;
mod jobs;
mod linger;
mod logs;
mod observe;
mod options;
mod origins;
mod outcome;
mod pace;
mod params;
mod problem;
mod rate;
mod rejections;
mod round;
mod serve;
mod stalls;
mod status;
mod summary;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
mod wire;

pub use access::Access;
pub use app::{router, router_with_queue};
pub use options::Options;
pub use origins::{BadOrigin, Origin};
pub use serve::serve;
#[cfg(feature = "tls")]
pub use serve::serve_tls;
pub use spark_analytics_core::{NotQueued, Queue};
#[cfg(feature = "tls")]
pub use tls::{BadTls, Tls};
pub use tokens::{BadToken, BadTokens, MAX_TOKENS, Role, Tokens};
