//! Shared by `serve` and `work`: flags, files that are reloaded, signals, logging.

pub(crate) mod access_flags;
pub(crate) mod log_queue;
pub(crate) mod logging;
#[cfg(feature = "amqp")]
pub(crate) mod monitor;
pub(crate) mod retention;
pub(crate) mod signals;
pub(crate) mod tls_flags;
