//! All stores side by side: the conformance suite, group commit, caches, stored formats, files and processes.
#![allow(clippy::unwrap_used)]

mod analytics;
#[cfg(target_os = "linux")]
mod bounded;
mod cached;
mod cancelled;
mod conformance_failures;
// Its code is on a page that shows it as a crate has it.
#[allow(unreachable_pub)]
mod custom_store;
#[cfg(target_os = "linux")]
mod disk_full;
#[cfg(unix)]
mod file_modes;
mod memory;
mod pages;
#[cfg(unix)]
mod permissions;
mod redb;
mod refused;
mod sqlite;
mod storage_format;
#[path = "../support/mod.rs"]
mod support;
mod two_processes;
