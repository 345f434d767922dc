//! Reading event logs: rules, layouts, codecs, damage, following. `s3.rs` sets environment variables of its process, so it
//! is a separate binary.
#![allow(clippy::unwrap_used)]

mod agreement;
mod damage;
mod environment_and_sql;
mod follow;
mod forms;
mod layouts;
mod leniency;
mod limits;
mod listener;
mod locate;
mod made;
mod one_application;
mod prefixes;
mod reader;
#[cfg(feature = "http")]
mod remote;
mod rules;
mod secrets;
mod texts;
mod threads;
mod times;
