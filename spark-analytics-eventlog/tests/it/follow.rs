//! Following the logs of a folder.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{Follower, FoundLog, LogError, LogFile, Polled, read_log};
use tempfile::TempDir;

/// The lines of a real log.
fn lines() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/small-3.5-plain/log");
    let path = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    fs::read_to_string(path).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

/// A folder of logs and its follower.
struct Followed {
    folder: TempDir,
    follower: Follower,
}

type Reported = (FoundLog, Result<LogFile, LogError>);

impl Followed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let follower = Follower::new(folder.path());
        Self { folder, follower }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, lines: &[String]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(lines.concat().as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// The logs that a poll reports; `is_taken` marks them as ingested.
    fn look(&mut self, is_taken: bool) -> Vec<Reported> {
        let found = self.follower.poll();
        assert!(found.failed.is_empty() && found.skipped.is_empty(), "{found:?}");
        let mut reported = Vec::new();
        for log in found.logs {
            if !self.follower.has_changes(&log) {
                continue;
            }
            let read = match self.follower.read(&log) {
                Ok(Polled::Read(file)) => Ok(file),
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            if is_taken && read.is_ok() {
                self.follower.mark_ingested(&log);
            }
            reported.push((log, read));
        }
        reported
    }

    /// The only log that a poll reports.
    fn one(&mut self) -> LogSnapshot {
        let reported = self.look(true);
        let [(_, Ok(file))] = &reported[..] else { panic!("{reported:?}") };
        file.snapshot.clone()
    }

    fn whole(&self, name: &str) -> LogSnapshot {
        read_log(self.path(name)).unwrap().snapshot
    }
}

#[test]
fn a_growing_log_is_reported_each_time_as_if_read_whole() {
    let (mut logs, lines) = (Followed::new(), lines());
    let mut times = 0;
    for piece in lines.chunks(7) {
        logs.append("local-1.inprogress", piece);
        assert_eq!(logs.one(), logs.whole("local-1.inprogress"));
        assert!(logs.look(true).is_empty());
        times += 1;
    }
    assert!(times > 3);
    logs.rename("local-1.inprogress", "local-1");
    assert_eq!(logs.one(), logs.whole("local-1"));
    assert!(logs.look(true).is_empty());
}

#[test]
fn a_growing_log_is_read_whatever_the_times_of_its_file() {
    let (mut logs, lines) = (Followed::new(), lines());
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    // The file's time moves back, stands still, and moves back before 1970.
    let times = [now + 400 * day, now, now, now - day, SystemTime::UNIX_EPOCH - day];
    let step = lines.len().div_ceil(times.len());
    for (piece, time) in lines.chunks(step).zip(times) {
        logs.append("local-1.inprogress", piece);
        let file = OpenOptions::new().append(true).open(logs.path("local-1.inprogress")).unwrap();
        file.set_modified(time).unwrap();
        assert_eq!(logs.one(), logs.whole("local-1.inprogress"));
        assert!(logs.look(true).is_empty());
    }
    logs.rename("local-1.inprogress", "local-1");
    assert!(logs.one().application.ended);
}

#[test]
fn a_log_that_grew_before_it_was_renamed_is_reported_again() {
    let (mut logs, lines) = (Followed::new(), lines());
    let (begin, end) = lines.split_at(lines.len() / 2);
    logs.append("local-1.inprogress", begin);
    assert!(!logs.one().application.ended);
    logs.append("local-1.inprogress", end);
    logs.rename("local-1.inprogress", "local-1");
    let reported = logs.one();
    assert!(reported.application.ended);
    assert_eq!(reported, logs.whole("local-1"));
    assert!(logs.look(true).is_empty());
}

#[test]
fn of_several_logs_the_changed_ones_are_reported() {
    let (mut logs, lines) = (Followed::new(), lines());
    for name in ["a", "b.inprogress", "eventlog_v2_c/events_1_c"] {
        logs.append(name, &lines[..lines.len() - 1]);
    }
    logs.append("eventlog_v2_c/appstatus_c.inprogress", &[]);
    assert_eq!(logs.look(true).len(), 3);
    assert!(logs.look(true).is_empty());
    logs.append("b.inprogress", &lines[lines.len() - 1..]);
    logs.append("eventlog_v2_c/events_2_c", &lines[lines.len() - 1..]);
    let reported = logs.look(true);
    let names: Vec<_> =
        reported.iter().map(|(log, _)| log.name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["b.inprogress", "eventlog_v2_c"]);
    for (log, file) in reported {
        assert_eq!(file.unwrap().snapshot, read_log(&log.name).unwrap().snapshot);
    }
}

#[test]
fn logs_in_folders_below_are_followed_too() {
    let (mut logs, lines) = (Followed::new(), lines());
    logs.append("0614-abc/eventlog/0614-abc_10_0_0_1/4113768911260536703/eventlog", &lines[..9]);
    logs.append("a/b/local-1.inprogress", &lines);
    assert_eq!(logs.look(true).len(), 2);
    logs.append("0614-abc/eventlog/0614-abc_10_0_0_1/4113768911260536703/eventlog", &lines[9..]);
    assert!(logs.one().application.ended);
    assert!(logs.look(true).is_empty());
}

#[test]
fn a_log_that_was_not_ingested_is_reported_again() {
    let (mut logs, lines) = (Followed::new(), lines());
    logs.append("ended", &lines);
    logs.append("running.inprogress", &lines);
    for _ in 0..2 {
        let reported = logs.look(false);
        assert_eq!(reported.len(), 2);
        for (log, file) in reported {
            assert_eq!(file.unwrap().snapshot, logs.whole(&log.name));
        }
    }
    assert_eq!(logs.look(true).len(), 2);
    assert!(logs.look(true).is_empty());
}

#[test]
fn a_log_known_from_earlier_is_not_read_until_it_changes() {
    let (mut logs, lines) = (Followed::new(), lines());
    logs.append("local-1.inprogress", &lines[..20]);
    for log in logs.follower.poll().logs {
        logs.follower.mark_ingested(&log);
    }
    assert!(logs.look(true).is_empty());
    logs.append("local-1.inprogress", &lines[20..]);
    assert_eq!(logs.one(), logs.whole("local-1.inprogress"));
}

#[test]
fn a_file_that_is_not_an_event_log_is_reported_once() {
    let (mut logs, lines) = (Followed::new(), lines());
    logs.append("notes.txt", &["to do\n".to_owned()]);
    let reported = logs.look(true);
    assert!(matches!(&reported[..], [(_, Err(LogError::NotALog { .. }))]), "{reported:?}");
    assert!(logs.look(true).is_empty());
    logs.append("notes.txt", &["more\n".to_owned()]);
    assert!(logs.look(true).is_empty());
    fs::remove_file(logs.path("notes.txt")).unwrap();
    logs.append("notes.txt", &lines);
    assert_eq!(logs.one(), logs.whole("notes.txt"));
}

#[test]
fn a_log_in_progress_without_an_application_is_not_reported() {
    let (mut logs, lines) = (Followed::new(), lines());
    let start = lines.iter().position(|line| line.contains("ApplicationStart\"")).unwrap();
    logs.append("local-1.inprogress", &[]);
    assert!(logs.look(true).is_empty());
    logs.append("local-1.inprogress", &lines[..start]);
    assert!(logs.look(true).is_empty());
    logs.append("local-1.inprogress", &lines[start..=start]);
    assert_eq!(logs.one(), logs.whole("local-1.inprogress"));
}

#[test]
fn a_log_that_ended_without_an_application_is_reported_once() {
    let mut logs = Followed::new();
    logs.append("local-1", &[]);
    let reported = logs.look(true);
    assert!(matches!(&reported[..], [(_, Err(LogError::Empty { .. }))]), "{reported:?}");
    assert!(logs.look(true).is_empty());
}

#[test]
fn a_vanished_log_is_not_an_error_and_is_new_when_it_is_back() {
    let (mut logs, lines) = (Followed::new(), lines());
    logs.append("local-1", &lines);
    logs.one();
    fs::remove_file(logs.path("local-1")).unwrap();
    assert!(logs.look(true).is_empty());
    logs.append("local-1", &lines);
    logs.one();

    logs.append("local-2", &lines);
    let found = logs.follower.poll();
    fs::remove_file(logs.path("local-2")).unwrap();
    assert_eq!(logs.follower.read(&found.logs[1]).unwrap(), Polled::Gone);
    assert!(logs.look(true).is_empty());
}

#[test]
fn an_unreadable_folder_is_an_error_of_that_poll_only() {
    let (mut logs, lines) = (Followed::new(), lines());
    logs.append("logs/local-1", &lines);
    logs.follower = Follower::new(logs.path("logs"));
    logs.one();
    logs.rename("logs", "away");
    let found = logs.follower.poll();
    assert_eq!((found.logs.len(), found.failed.len()), (0, 1));
    logs.rename("away", "logs");
    assert!(logs.look(true).is_empty());
}

#[test]
fn a_log_without_facts_is_reported_with_the_reason() {
    let (mut logs, lines) = (Followed::new(), lines());
    let read = |logs: &mut Followed| {
        let found = logs.follower.poll();
        logs.follower.read(&found.logs[0])
    };
    logs.append("local-1.inprogress", &[]);
    assert_eq!(read(&mut logs).unwrap(), Polled::NotStarted);
    logs.append("local-1.inprogress", &lines);
    assert!(matches!(read(&mut logs), Ok(Polled::Read(_))));
    let found = logs.follower.poll();
    logs.follower.mark_ingested(&found.logs[0]);
    assert_eq!(read(&mut logs).unwrap(), Polled::Unchanged);
    fs::remove_file(logs.path("local-1.inprogress")).unwrap();
    logs.append("notes.txt", &["to do\n".to_owned()]);
    assert!(matches!(read(&mut logs), Err(LogError::NotALog { .. })));
    assert_eq!(read(&mut logs).unwrap(), Polled::NotALog);
}
