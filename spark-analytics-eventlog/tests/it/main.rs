//! Tests of the public API.
//!
//! The tests of S3 are apart: they set environment variables, which only a process of its own may do.
#![allow(clippy::unwrap_used)]

mod agreement;
mod damage;
mod environment_and_sql;
mod follow;
mod layouts;
mod leniency;
mod locate;
mod made;
mod prefixes;
mod reader;
#[cfg(feature = "http")]
mod remote;
mod rules;
mod threads;
