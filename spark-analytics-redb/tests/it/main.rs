//! Tests of the redb store that every store need not pass: opening, sharing, runtimes.
#![allow(clippy::unwrap_used)]

mod listing;
mod opening;
mod pruning;
mod runtimes;
mod sharing;
