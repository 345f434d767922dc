//! The program as users run it: the real binary, its arguments, its files and its HTTP API.

mod cli_support;
mod program;

mod cli;
mod cli_events;
mod cli_follow;
mod cli_logs;
mod cli_send;
mod clock;
mod http_server;
mod pages;
mod secrets;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
