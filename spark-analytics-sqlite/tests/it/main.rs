//! Tests that apply to the SQLite store only: opening, faults, limits.
#![allow(clippy::unwrap_used)]

mod common;
mod open;
mod trouble;
mod upgrade;
