//! Tests of the SQLite store that every store need not pass: opening, faults, limits.
#![allow(clippy::unwrap_used)]

mod common;
mod open;
mod trouble;
mod upgrade;
