//! The program as users run it: the real binary, its arguments, its files and its HTTP API.

mod cli_support;
mod program;

mod alert_rules;
mod cli;
mod cli_events;
mod cli_follow;
mod cli_import;
mod cli_logs;
mod cli_send;
mod cli_summary;
mod clock;
mod http_server;
mod log_secrets;
mod pages;
mod secrets;
mod terminal;
#[cfg(feature = "tls")]
mod tls;
mod tokens;
