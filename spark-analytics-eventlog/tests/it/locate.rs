//! Locating logs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{
    Discovered, FoundLog, LogError, LogFile, LogKind, find_logs, list_logs, read_found, read_from,
};

use crate::made::codecs::{gzip, lz4, zstd};
use crate::made::{Log, success};

/// A temporary folder.
struct Folder(tempfile::TempDir);

impl Folder {
    fn of(files: &[&str]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for file in files {
            folder.write(file, b"");
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn relative<'a>(&self, name: &'a str) -> &'a str {
        let root = self.0.path().to_str().unwrap();
        name.strip_prefix(root).unwrap().trim_start_matches('/')
    }

    fn names(&self, found: &Discovered) -> Vec<String> {
        found.logs.iter().map(|log| self.relative(&log.name).to_owned()).collect()
    }

    fn find(&self) -> Discovered {
        find_logs(self.0.path())
    }
}

fn one(path: &Path) -> FoundLog {
    let found = find_logs(path);
    let ([log], [], []) = (&found.logs[..], &found.skipped[..], &found.failed[..]) else {
        panic!("{found:?}")
    };
    log.clone()
}

fn part_names(log: &FoundLog) -> Vec<&str> {
    log.parts.iter().map(|part| part.name.rsplit('/').next().unwrap()).collect()
}

const STATUS: &str = "eventlog_v2_app-1/appstatus_app-1";

fn rolling(parts: &[&str]) -> (FoundLog, Folder) {
    let folder = Folder::of(&[STATUS]);
    for part in parts {
        folder.write(&format!("eventlog_v2_app-1/{part}"), b"x");
    }
    (one(folder.0.path()), folder)
}

#[test]
fn a_file_is_a_log() {
    let folder = Folder::of(&[]);
    folder.write("local-7.zstd.inprogress", b"12345");
    let log = one(&folder.path("local-7.zstd.inprogress"));
    assert_eq!((log.kind, log.is_in_progress, log.size()), (LogKind::File, true, 5));
    assert_eq!(log.app_name, "local-7");
    assert_eq!(folder.relative(log.id()), "local-7.zstd");
    let [part] = &log.parts[..] else { panic!("{log:?}") };
    assert_eq!((part.index, part.size, &part.name), (1, 5, &log.name));
    assert_eq!(
        part.modified,
        fs::metadata(folder.path("local-7.zstd.inprogress")).unwrap().modified().unwrap()
    );
}

#[test]
fn the_name_without_sparks_suffixes_replaces_a_missing_id() {
    for (file, want) in [
        ("app-1", "app-1"),
        ("application_1_0042_1.lz4", "application_1_0042_1"),
        ("app-1.inprogress", "app-1"),
        ("eventlog_v2_app-1_2/events_1_app-1_2.snappy", "app-1_2"),
        ("eventlog_v2_app-1/events_3_app-1.zstd.compact", "app-1"),
        ("0714-1/5/eventlog", "5"),
    ] {
        let folder = Folder::of(&[file]);
        assert_eq!(folder.find().logs[0].app_name, want, "{file}");
    }
    let folder = Folder::of(&["eventlog_v2_app-1/events_3_app-1.zstd"]);
    assert_eq!(one(&folder.path("eventlog_v2_app-1/events_3_app-1.zstd")).app_name, "app-1");
}

#[test]
fn parts_are_in_the_order_of_their_numbers() {
    let (log, folder) = rolling(&[
        "events_10_app-1",
        "events_9_app-1.zstd",
        "events_8_app-1.lz4",
        "events_7_app-1",
        "events_6_app-1",
        "events_5_app-1",
        "events_4_app-1",
        "events_3_app-1",
        "events_2_app-1",
        "events_1_app-1",
        "events_x_app-1",
        "events__app-1",
        "events_+3_app-1",
        "notes",
    ]);
    let indices: Vec<_> = log.parts.iter().map(|part| part.index).collect();
    assert_eq!(indices, (1..=10).collect::<Vec<_>>());
    assert_eq!(
        (log.kind, log.is_in_progress, &log.warnings[..]),
        (LogKind::Rolling, false, &[][..])
    );
    assert_eq!((folder.relative(&log.name), log.size()), ("eventlog_v2_app-1", 10));
    assert_eq!(log.id(), log.name);
}

#[test]
fn the_highest_compacted_part_replaces_those_up_to_it() {
    let (log, _folder) = rolling(&[
        "events_1_app-1.compact",
        "events_2_app-1",
        "events_3_app-1",
        "events_3_app-1.compact",
        "events_4_app-1",
        "events_5_app-1",
    ]);
    assert_eq!(part_names(&log), ["events_3_app-1.compact", "events_4_app-1", "events_5_app-1"]);
    assert_eq!(log.warnings, [""; 0]);
}

#[test]
fn problems_of_a_rolling_log_are_reported() {
    let (log, _folder) = rolling(&["events_1_app-1", "events_3_app-1", "events_7_app-1"]);
    assert_eq!(part_names(&log).len(), 3);
    assert_eq!(log.warnings, ["part 2 is missing", "parts 4 to 6 are missing"]);

    let (log, _folder) = rolling(&["events_3_app-1"]);
    assert_eq!(log.warnings, ["parts 1 to 2 are missing"]);

    let (log, folder) = rolling(&["events_1_app-1.zstd", "events_1_app-1"]);
    folder.write("eventlog_v2_app-1/events_1_app-1.zstd", b"longer");
    assert_eq!(part_names(&log), ["events_1_app-1"]);
    assert_eq!(log.warnings, ["part 1 exists twice; events_1_app-1.zstd is left out"]);
    let log = one(folder.0.path());
    assert_eq!(part_names(&log), ["events_1_app-1.zstd"]);

    let folder = Folder::of(&["eventlog_v2_app-1/events_1_app-1"]);
    let log = one(folder.0.path());
    assert!(!log.is_in_progress);
    assert_eq!(log.warnings, ["there is no appstatus file; the log is assumed to have ended"]);

    let folder = Folder::of(&[STATUS]);
    let found = folder.find();
    assert!(found.logs.is_empty());
    assert!(found.skipped[0].reason.ends_with("is a rolling event log without parts"));
}

#[test]
fn the_status_file_tells_whether_a_rolling_log_is_in_progress() {
    let folder = Folder::of(&["eventlog_v2_app-1/events_1_app-1"]);
    let running = folder.path(&format!("{STATUS}.inprogress"));
    fs::write(&running, "").unwrap();
    assert!(one(folder.0.path()).is_in_progress);
    // On object stores, both status files exist for a while.
    fs::write(folder.path(STATUS), "").unwrap();
    assert!(!one(folder.0.path()).is_in_progress);
}

#[test]
fn a_rolling_log_may_be_named_itself_or_be_in_a_renamed_folder() {
    let (log, folder) = rolling(&["events_1_app-1"]);
    for path in ["eventlog_v2_app-1", "eventlog_v2_app-1/"] {
        let named = one(&folder.path(path));
        assert_eq!((part_names(&named), named.id()), (part_names(&log), log.id()));
    }
    let other =
        Folder::of(&["moved/appstatus_app-1", "moved/events_1_app-1", "moved/events_2_app-1"]);
    let log = one(&other.path("moved"));
    assert_eq!((log.kind, log.parts.len(), &*log.app_name), (LogKind::Rolling, 2, "app-1"));
}

#[test]
fn databricks_parts_are_one_log_ordered_by_time() {
    let folder = Folder::of(&[
        "0714/8312/eventlog",
        "0714/8312/eventlog-2021-06-14--20-00.gz",
        "0714/8312/eventlog-2021-06-14--09-30",
        "0714/8312/eventlog-2021-05-30--23-59.gz",
        "0714/8312/eventlog-2021-06-14.gz",
    ]);
    let found = folder.find();
    assert_eq!(folder.names(&found), ["0714/8312", "0714/8312/eventlog-2021-06-14.gz"]);
    let log = &found.logs[0];
    assert_eq!((log.kind, log.is_in_progress, &*log.app_name), (LogKind::Databricks, true, "8312"));
    assert_eq!(
        part_names(log),
        [
            "eventlog-2021-05-30--23-59.gz",
            "eventlog-2021-06-14--09-30",
            "eventlog-2021-06-14--20-00.gz",
            "eventlog",
        ]
    );
    fs::remove_file(folder.path("0714/8312/eventlog")).unwrap();
    assert!(!folder.find().logs[0].is_in_progress);
}

#[test]
fn logs_of_a_tree_are_found_in_the_order_of_names() {
    let folder = Folder::of(&[
        "b/eventlog_v2_app-2/appstatus_app-2",
        "b/eventlog_v2_app-2/events_1_app-2",
        "b/eventlog_v2_app-2/sub/app-9",
        "a/local-2",
        "a/deep/er/local-1.lz4",
        "local-3",
        ".local-3.crc",
        "_SUCCESS",
        "_temporary/0/local-4",
        "appstatus_app-7",
        "c/eventlog",
    ]);
    let found = folder.find();
    assert_eq!(
        folder.names(&found),
        ["a/deep/er/local-1.lz4", "a/local-2", "b/eventlog_v2_app-2", "c", "local-3"]
    );
    assert_eq!((found.skipped, found.failed), (vec![], vec![]));
}

#[test]
fn a_listing_does_not_descend_except_into_rolling_logs() {
    let folder = Folder::of(&[
        "local-1.inprogress",
        "old/local-2",
        "eventlog_v2_app-2/appstatus_app-2.inprogress",
        "eventlog_v2_app-2/events_1_app-2",
        "old/eventlog_v2_app-3/events_1_app-3",
    ]);
    let found = list_logs(folder.0.path());
    assert_eq!(folder.names(&found), ["eventlog_v2_app-2", "local-1.inprogress"]);
    let ids = |found: &Discovered| -> Vec<String> {
        found.logs.iter().map(|log| log.id().to_owned()).collect()
    };
    let before = ids(&found);
    fs::rename(folder.path("local-1.inprogress"), folder.path("local-1")).unwrap();
    let status = "eventlog_v2_app-2/appstatus_app-2";
    fs::rename(folder.path(&format!("{status}.inprogress")), folder.path(status)).unwrap();
    let found = list_logs(folder.0.path());
    assert_eq!(ids(&found), before);
    assert!(found.logs.iter().all(|log| !log.is_in_progress));
}

#[test]
fn the_ended_log_wins_if_both_names_exist() {
    let folder = Folder::of(&["local-1.inprogress", "local-1"]);
    let found = folder.find();
    assert_eq!(folder.names(&found), ["local-1"]);
    assert!(found.skipped[0].reason.ends_with("also exists without .inprogress"));
}

#[test]
fn a_missing_path_is_named() {
    let found = find_logs("no/such/path");
    assert!(found.logs.is_empty() && found.skipped.is_empty());
    assert_eq!(found.failed[0].name, "no/such/path");
    assert!(found.failed[0].reason.starts_with("cannot read no/such/path: "));
}

#[cfg(unix)]
#[test]
fn links_are_followed_once() {
    use std::os::unix::fs::symlink;
    let folder = Folder::of(&["logs/a/local-1", "elsewhere/local-2"]);
    symlink(folder.path("logs"), folder.path("logs/a/back")).unwrap();
    symlink("loop", folder.path("logs/loop")).unwrap();
    symlink(folder.path("elsewhere"), folder.path("logs/more")).unwrap();
    symlink(folder.path("elsewhere/local-2"), folder.path("logs/local-2")).unwrap();
    let found = find_logs(folder.path("logs"));
    assert_eq!(folder.names(&found), ["logs/a/local-1", "logs/local-2", "logs/more/local-2"]);
    let [skipped] = &found.skipped[..] else { panic!("{found:?}") };
    assert_eq!(folder.relative(&skipped.name), "logs/a/back");
    let [failed] = &found.failed[..] else { panic!("{found:?}") };
    assert_eq!(folder.relative(&failed.name), "logs/loop");
}

#[cfg(unix)]
#[test]
fn a_log_has_one_location_however_it_is_found() {
    use std::os::unix::fs::symlink;
    let folder =
        Folder::of(&["logs/local-1", "logs/b/eventlog_v2_app-1/events_1_app-1", "other/x"]);
    symlink(folder.path("logs"), folder.path("link")).unwrap();
    symlink(folder.path("logs/local-1"), folder.path("other/local-2")).unwrap();
    let locations = |path: &str| -> Vec<String> {
        let found = find_logs(folder.path(path));
        found.logs.iter().map(|log| log.source().location).collect()
    };
    let real = folder.0.path().canonicalize().unwrap();
    let real = |name: &str| real.join(name).to_str().unwrap().to_owned();
    let both = [real("logs/b/eventlog_v2_app-1"), real("logs/local-1")];
    for path in ["logs", "link", "other/../logs", "logs/"] {
        assert_eq!(locations(path), both, "{path}");
    }
    assert_eq!(locations("other"), [real("logs/local-1"), real("other/x")]);
    for path in ["link/local-1", "other/local-2", "logs/../logs/local-1"] {
        assert_eq!(locations(path), [real("logs/local-1")], "{path}");
    }
    assert_eq!(locations("link/b/eventlog_v2_app-1"), both[..1]);
}

/// A log of three jobs, with its lines.
fn whole() -> Log {
    let mut log = Log::started();
    log.executor_added("1");
    for job in 0..3 {
        log.job_start(job, &[(job, 2)]).submit(job, 0, 2);
        log.task((job, 0), 2 * job, 0).task_start((job, 0), 2 * job + 1, 1);
        log.task_end((job, 0), 2 * job + 1, 1, success()).complete(job, 0, 2).job_end(job);
    }
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999}));
    log
}

fn text(lines: &[String]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

#[test]
fn parts_of_any_codecs_equal_one_file() {
    let lines = whole().0;
    let folder = Folder::of(&[STATUS]);
    for (index, lines) in (1..).zip(lines.chunks(7)) {
        let text = text(lines);
        let bytes = match index {
            1 => zstd(&text),
            2 => lz4(&text),
            3 => gzip(&text),
            _ => text,
        };
        folder.write(&format!("eventlog_v2_app-1/events_{index}_app-1"), &bytes);
    }
    let log = read_found(&one(folder.0.path())).unwrap();
    let LogFile { snapshot, warnings, bytes, lines: count, .. } = log;
    assert_eq!((snapshot, warnings), (whole().read(), vec![]));
    assert_eq!((bytes, count), (text(&lines).len() as u64, lines.len() as u64));
}

#[test]
fn a_part_that_is_missing_or_torn_is_a_warning_and_the_rest_is_read() {
    let lines = whole().0;
    let mut torn = text(&lines[..7]);
    torn.truncate(torn.len() - 9);
    let folder = Folder::of(&["eventlog_v2_app-1/appstatus_app-1.inprogress"]);
    folder.write("eventlog_v2_app-1/events_1_app-1", &torn);
    folder.write("eventlog_v2_app-1/events_3_app-1", &text(&lines[7..]));
    folder.write("eventlog_v2_app-1/events_4_app-1", b"{\"Event\":\"SparkLis");
    let log = read_found(&one(folder.0.path())).unwrap();
    let reasons: Vec<_> = log.warnings.iter().map(|w| (w.line, &*w.reason)).collect();
    assert_eq!(
        reasons[..2],
        [(0, "part 2 is missing"), (7, "SparkListenerTaskEnd is truncated: its JSON ends early")]
    );
    assert!(reasons[2].1.starts_with("ends of tasks are missing: 1 of the tasks"), "{reasons:?}");
    assert_eq!(reasons.len(), 3);
    assert_eq!(log.snapshot.jobs.len(), 3);
    assert_eq!(log.lines, lines.len() as u64 + 1);
}

#[test]
fn a_part_that_vanishes_is_an_error_that_names_it() {
    let (log, folder) = rolling(&["events_1_app-1", "events_2_app-1"]);
    folder.write("eventlog_v2_app-1/events_1_app-1", &text(&whole().0));
    fs::remove_file(folder.path("eventlog_v2_app-1/events_2_app-1")).unwrap();
    let error = read_found(&log).unwrap_err().to_string();
    assert!(error.contains("/events_2_app-1: "), "{error}");
}

#[test]
fn a_part_can_be_read_from_an_offset() {
    use std::io::Read;
    let folder = Folder::of(&[]);
    folder.write("local-1", b"0123456789");
    let mut rest = String::new();
    one(&folder.path("local-1")).parts[0].open(7).unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "789");
}

#[test]
fn an_application_without_an_id_is_named_by_the_folder_of_its_log() {
    let mut lines = whole().0;
    lines[1] = lines[1].replace("\"App ID\":\"local-1\",", "");
    let folder = Folder::of(&[STATUS]);
    folder.write("eventlog_v2_app-1/events_1_app-1.zstd", &zstd(&text(&lines)));
    let of = |snapshot: LogSnapshot| snapshot.application.app_id;
    assert_eq!(of(read_found(&one(folder.0.path())).unwrap().snapshot), "app-1");
    let name = "logs/events_1_app-1.zstd";
    assert_eq!(of(read_from(&text(&lines)[..], name).unwrap().snapshot), "app-1");
}

#[test]
#[cfg(not(any(feature = "s3", feature = "gs", feature = "az", feature = "http")))]
fn a_url_whose_feature_is_missing_names_that_feature() {
    for (url, feature) in [
        ("s3://bucket/log", "s3"),
        ("s3a://bucket/log", "s3"),
        ("gs://bucket/log", "gs"),
        ("az://container/log", "az"),
        ("abfss://container@account.dfs.core.windows.net/log", "az"),
        ("http://host/log", "http"),
        ("https://host/log", "http"),
    ] {
        let found = find_logs(url);
        let reason =
            format!("cannot read {url}: it needs the feature `{feature}`, which this build lacks");
        assert_eq!(found.failed[0].reason, reason);
    }
}

/// Between listing and opening.
#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_place_of_a_log_does_not_stop_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app-1");
    for replacement in ["pipe", "/dev/zero", "/dev/tty", "/proc/kmsg", "other"] {
        std::fs::write(&path, "{}\n").unwrap();
        let listed = find_logs(folder.path()).logs.remove(0);
        std::fs::remove_file(&path).unwrap();
        match replacement {
            "pipe" => {
                let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
                assert!(made.success());
            }
            // The first file keeps its inode meanwhile, so that this one gets another.
            "other" => {
                let kept = std::fs::File::create(folder.path().join("kept")).unwrap();
                std::fs::write(&path, "{}\n").unwrap();
                drop(kept);
            }
            device => std::os::unix::fs::symlink(device, &path).unwrap(),
        }
        let error = read_found(&listed).unwrap_err();
        assert!(matches!(error, LogError::Io { .. }), "{replacement}: {error}");
        std::fs::remove_file(&path).unwrap();
    }
}
