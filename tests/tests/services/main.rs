//! PostgreSQL that stays up: the conformance suite, callers that give up, a full disk, revoked rights, many processes.
#![allow(clippy::unwrap_used)]

mod cancelled;
mod conformance;
#[cfg(unix)]
mod disk_full;
#[cfg(unix)]
mod permissions;
mod processes;
#[path = "../support/mod.rs"]
mod support;
