//! PostgreSQL that stops, is killed, restarts and becomes a standby. These tests have their own binary because all others
//! need the server, and they take turns because each of them does, too.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod kill;
mod restart;
mod standby;
#[path = "../support/mod.rs"]
mod support;

use std::process::Command;

use tokio::sync::{Mutex, MutexGuard};

/// The server that the environment names, for one test at a time.
struct Server(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Server {
    async fn alone() -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        Self(TURN.lock().await)
    }
}

/// The program that stops, kills and starts the server.
fn control_program() -> String {
    std::env::var("SPARK_ANALYTICS_TEST_CONTROL").expect("run by scripts/with-services")
}

/// Stops, kills or starts the server.
fn control(what: &str) {
    let status = Command::new(control_program()).args(["postgres", what]).status().unwrap();
    assert!(status.success(), "{what}");
}
