//! A test of this executable, run in a process of its own.

use std::process::Command;

/// What runs one test, be it an ignored one, and lets its output through. Of what that prints the first line
/// may begin with words of the test harness.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored", "--nocapture"]);
    command
}
