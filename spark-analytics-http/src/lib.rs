#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod access;
mod access_log;
mod counts;
mod degradation;
mod openapi;
mod options;
mod problem;
mod reading;
mod rejections;
mod request;
mod router;
mod routes;
mod server;
mod state;

pub use access::Access;
pub use access::hosts::{BadHostName, HostName, Hosts};
pub use access::origins::{BadOrigin, Origin};
pub use access::tokens::{BadToken, BadTokens, MAX_TOKENS, Role, Tokens};
pub use degradation::Degradation;
pub use options::ApiOptions;
pub use router::Api;
pub use server::options::ServeOptions;
pub use server::serve;
#[cfg(feature = "tls")]
pub use server::serve_tls;
#[cfg(feature = "tls")]
pub use server::tls::{BadTls, Tls};
