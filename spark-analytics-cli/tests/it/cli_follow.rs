//! Following a folder of event logs, with the real binary.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Stdio};

use crate::cli_support::{Folder, event_logs};

const LOG: &str = "app-20261123203120-0000";

/// A running `import --follow`, which is killed when it is dropped.
struct Following {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    fn start(folder: &Folder) -> Self {
        let args = ["--store", "sqlite:a.db", "import", "--follow", "logs", "--interval", "20ms"];
        let mut command = folder.command(&args);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line of output that ends with this text.
    fn until(&mut self, end: &str) -> String {
        self.lines.by_ref().map(Result::unwrap).find(|line| line.ends_with(end)).unwrap()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn jobs(folder: &Folder, store: &str) -> String {
    let ended = folder.run(&["--store", store, "jobs", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

#[test]
fn a_growing_log_is_followed_through_kills_to_its_end() {
    let folder = Folder::new();
    let whole = fs::read(event_logs().join(LOG)).unwrap();
    folder.write(LOG, &whole);
    assert_eq!(folder.run(&["--store", "sqlite:b.db", "import", LOG]).code, Some(0));

    let running = format!("logs/{LOG}.inprogress");
    let (head, tail) = whole.split_at(whole.len() / 2);
    folder.write(&running, head);
    let mut following = Following::start(&folder);
    assert!(following.until("running").starts_with(LOG));
    let mut log = fs::OpenOptions::new().append(true).open(folder.path(&running)).unwrap();
    log.write_all(&tail[..tail.len() / 2]).unwrap();
    following.until("running");
    // Killed as with kill -9; the next process reads the log again.
    drop(following);
    log.write_all(&tail[tail.len() / 2..]).unwrap();
    let mut following = Following::start(&folder);
    following.until("ended");
    drop(following);
    // The log's end is known, although the file was not renamed.
    folder.write("logs/zzz", "# Read me\n");
    assert!(Following::start(&folder).lines.next().unwrap().unwrap().contains("zzz"));
    fs::remove_file(folder.path("logs/zzz")).unwrap();
    fs::rename(folder.path(&running), folder.path(&format!("logs/{LOG}"))).unwrap();
    assert_eq!(jobs(&folder, "sqlite:a.db"), jobs(&folder, "sqlite:b.db"));
    // Deleting a log keeps its figures.
    fs::remove_file(folder.path(&format!("logs/{LOG}"))).unwrap();
    folder.write("logs/not-a-log", "# Read me\n");
    assert!(Following::start(&folder).until("…}").contains("not-a-log"));
    assert_eq!(jobs(&folder, "sqlite:a.db"), jobs(&folder, "sqlite:b.db"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_is_the_normal_end() {
    let folder = Folder::new();
    folder.write(&format!("logs/{LOG}"), fs::read(event_logs().join(LOG)).unwrap());
    let args = ["--store", "sqlite:a.db", "import", "--follow", "logs", "--interval", "1h"];
    let mut command = folder.command(&args);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = format!("{LOG} (speculation + lost executors of erin): 5 jobs, 1 failed, ended");
    assert_eq!(lines.next().unwrap().unwrap(), line);
    crate::cli_support::interrupt(&child);
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{said}");
    let folder = folder.path("logs");
    let started = format!("following {}: 1 log, 0 known; looking every 1h\n", folder.display());
    assert_eq!(said, started);
}

#[test]
fn an_ended_log_is_not_read_again_after_a_restart() {
    let folder = Folder::new();
    let whole = fs::read(event_logs().join(LOG)).unwrap();
    folder.write(&format!("logs/{LOG}"), &whole);
    Following::start(&folder).until("ended");
    folder.write("logs/zzz", "# Read me\n");
    let mut again = Following::start(&folder);
    assert!(again.lines.next().unwrap().unwrap().contains("zzz"));
    // It is read again once it has changed.
    let cut = whole.len() - whole.len() / 10;
    folder.write(&format!("logs/{LOG}"), &whole[..cut]);
    assert!(again.until("1 warning").starts_with(LOG));
}

#[test]
fn a_path_that_is_not_a_folder_is_not_followed() {
    let folder = Folder::new();
    folder.write("file", "");
    for (path, why) in [
        ("missing", "cannot follow missing: No such file or directory"),
        ("file", "cannot follow file: it is not a folder"),
        ("s3://bucket/logs", "cannot follow s3://bucket/logs: only folders can be followed"),
    ] {
        let ended = folder.run(&["import", "--follow", path]);
        assert!(ended.code == Some(1) && ended.stderr.contains(why), "{}", ended.stderr);
    }
    let ended = folder.run(&["import", "--follow", ".", "--interval", "soon"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let ended = folder.run(&["import", "a", "--follow", "."]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
}
