//! Figures, folds, formats and views. `group_commit.rs` is built with other flags, so it is a separate binary.
#![allow(clippy::unwrap_used)]

mod event_times;
mod figures;
mod fold;
mod history;
mod rollups;
mod split;
mod threads;
mod unknown_fields;
mod wire_format;
