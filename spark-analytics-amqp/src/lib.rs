#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod backoff;
mod broker;
mod consume;
mod publish;
mod url;

pub use backoff::Backoff;
pub use broker::{DEAD, EVENT_LOGS, EVENTS, QUEUE, REASON, age, connect, declare};
pub use consume::consume;
pub use publish::{NotPublished, Publisher};
pub use url::AmqpUrl;
