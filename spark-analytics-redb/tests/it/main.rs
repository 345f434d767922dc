//! Tests that apply to the redb store only: opening, sharing, runtimes.
#![allow(clippy::unwrap_used)]

mod listing;
mod opening;
mod pruning;
mod runtimes;
mod sharing;
