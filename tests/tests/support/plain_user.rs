//! Tests as a user to whom permissions apply. They do not apply to root.
use std::future::Future;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The user `nobody`.
const NOBODY: u32 = 65_534;

pub(crate) fn is_root() -> bool {
    tempfile::tempfile().unwrap().metadata().unwrap().uid() == 0
}

/// Runs the body of a test; if this is root, in a process of `nobody` that runs the test of this name.
pub(crate) fn as_plain_user(test: &str, body: impl Future<Output = ()>) {
    if !is_root() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(body);
    }
    // Only root may have access to the folder of the executable, and to the current one.
    let mut command = Command::new("/proc/self/exe");
    command.args(["--exact", test, "--nocapture"]).current_dir("/").env_remove("TMPDIR");
    let ran = command.uid(NOBODY).gid(NOBODY).output().unwrap();
    let output = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && output.contains("1 passed"), "as nobody: {output}");
}
