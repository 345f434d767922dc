//! The program with real servers: RabbitMQ, PostgreSQL, Redis. `scripts/check/services` starts them.

mod end_to_end;
#[path = "../it/program/mod.rs"]
mod program;
mod worker_support;

mod secrets_refused;
mod worker_events;
mod worker_logs;
mod worker_metrics;
mod worker_publish;
