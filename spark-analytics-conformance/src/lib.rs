#![doc = include_str!("../README.md")]
//!
//! [`Store`]: spark_analytics_core::Store
#![forbid(unsafe_code)]

pub mod conformance;
mod difference;
pub mod dump;
mod fixture;
mod gate;
pub mod history;
pub mod laws;
mod pages;
mod probe;
mod reference;
mod workload;

pub use dump::Dump;
pub use fixture::{Fixture, InMemory};
pub use gate::Gate;
pub use probe::{Call, Probe, When};
pub use reference::Reference;
pub use workload::Workload;
