//! What the worker measures.

use std::time::Duration;

pub(crate) fn tell_lag(_age: Option<Duration>) {}
pub(crate) fn tell_length(_queue: &'static str, _messages: u32) {}
