//! Stores: opened by the URL that names them, now or in the background, behind a shared cache.

#[cfg(feature = "sqlite")]
mod bare_copy;
pub(crate) mod by_url;
pub(crate) mod compact;
pub(crate) mod open;
#[cfg(feature = "amqp")]
pub(crate) mod open_in_background;
pub(crate) mod shared_cache;
