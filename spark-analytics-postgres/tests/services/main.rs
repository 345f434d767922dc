//! Tests of the PostgreSQL store against a server, which `scripts/with-services` starts.
#![allow(clippy::unwrap_used)]

mod common;
mod open;
mod prune;
mod trouble;
mod upgrade;
