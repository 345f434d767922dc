//! Runs a test of this executable in a new process.

use std::process::Command;

/// A command that runs one test, even an ignored one, and shows its output. The first line that the test prints may follow
/// words of the test harness.
pub(crate) fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored", "--nocapture"]);
    command
}
