//! A growing log that is read piece by piece gives the same facts as one read whole.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_eventlog::{FoundLog, LogError, LogFile, LogReader, list_logs, read_log};
use tempfile::TempDir;

use crate::made::codecs::CODECS;

/// A real log.
fn content() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/small-3.5-plain/log");
    fs::read(fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()).unwrap()
}

/// Another real log, longer than the first.
fn another() -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/failures-3.5/log");
    fs::read(fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()).unwrap()
}

/// A folder with one log, and its reader.
struct Read {
    folder: TempDir,
    reader: LogReader,
}

impl Read {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), reader: LogReader::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(bytes).unwrap();
    }

    /// The log as it is in the folder now.
    fn found(&self) -> FoundLog {
        let found = list_logs(self.folder.path());
        let [log] = &found.logs[..] else { panic!("{found:?}") };
        log.clone()
    }

    /// Continues to read; returns whether there was anything new.
    fn on(&mut self) -> bool {
        let found = self.found();
        let has_read = self.reader.read(&found).unwrap();
        self.holds_no_file_open();
        has_read
    }

    fn assert_equals_whole(&self) {
        let whole = read_log(self.found().name);
        assert_eq!(text_of(&self.reader.log_file()), text_of(&whole));
    }

    /// The facts read so far, which must equal those of a whole read.
    fn snapshot(&self) -> LogSnapshot {
        self.assert_equals_whole();
        self.reader.log_file().unwrap().snapshot
    }

    fn holds_no_file_open(&self) {
        let Ok(open) = fs::read_dir("/proc/self/fd") else { return };
        let folder = self.folder.path().canonicalize().unwrap();
        for file in open.flatten() {
            let path = fs::read_link(file.path()).unwrap_or_default();
            assert!(!path.starts_with(&folder), "{}", path.display());
        }
    }
}

/// A log's facts or error as text, to be compared.
fn text_of(log: &Result<LogFile, LogError>) -> String {
    match log {
        Ok(log) => format!("{:?} {:?} {} {}", log.snapshot, log.warnings, log.bytes, log.lines),
        Err(error) => error.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn a_log_read_in_pieces_equals_one_read_whole(codec in 0..=CODECS.len(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..6)) {
        let content = content();
        let bytes = CODECS.get(codec).map_or_else(|| content.clone(), |(_, compress)| compress(&content));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut log = Read::new();
        for piece in cuts.windows(2) {
            log.append("local-1.inprogress", &bytes[piece[0]..piece[1]]);
            let is_first = piece[0] == 0 || log.reader.log_file().is_err();
            prop_assert!(log.on() == (piece[0] < piece[1]) || is_first);
            log.assert_equals_whole();
        }
        fs::rename(log.path("local-1.inprogress"), log.path("local-1")).unwrap();
        prop_assert!(!log.on());
        prop_assert!(log.snapshot().application.ended);
    }
}

/// The log in parts that end at line ends, each compressed separately or not at all.
fn parts(count: usize, compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let content = content();
    let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    lines.chunks(lines.len().div_ceil(count)).map(|part| compress(&part.concat())).collect()
}

const ROLLED: &str = "eventlog_v2_local-1";

#[test]
fn parts_are_read_as_they_appear() {
    for suffix in ["", ".zstd"] {
        let mut log = Read::new();
        let compress = |part: &[u8]| match suffix {
            "" => part.to_vec(),
            _ => crate::made::codecs::zstd(part),
        };
        log.append(&format!("{ROLLED}/appstatus_local-1.inprogress"), b"");
        for (part, at) in parts(4, compress).iter().zip(1..) {
            let name = format!("{ROLLED}/events_{at}_local-1{suffix}");
            let (begin, end) = part.split_at(part.len() / 3);
            for piece in [begin, end] {
                log.append(&name, piece);
                assert!(log.on());
                log.assert_equals_whole();
            }
            assert!(!log.on());
            log.snapshot();
        }
        let status = format!("{ROLLED}/appstatus_local-1");
        fs::rename(log.path(&format!("{status}.inprogress")), log.path(&status)).unwrap();
        assert!(!log.on());
        assert!(log.snapshot().application.ended);
    }
}

#[test]
fn several_new_parts_are_read_in_their_order() {
    let mut log = Read::new();
    let parts = parts(12, <[u8]>::to_vec);
    log.append(&format!("{ROLLED}/appstatus_local-1"), b"");
    log.append(&format!("{ROLLED}/events_1_local-1"), &parts[0]);
    assert!(log.on());
    for (part, at) in parts.iter().zip(1..).skip(1) {
        log.append(&format!("{ROLLED}/events_{at}_local-1"), part);
    }
    assert!(log.on());
    assert_eq!(log.snapshot(), made_whole());
}

/// The facts of the log in a single file.
fn made_whole() -> LogSnapshot {
    spark_analytics_eventlog::read_from(&content()[..], "local-1").unwrap().snapshot
}

#[test]
fn parts_that_were_read_may_be_compacted() {
    let mut log = Read::new();
    let parts = parts(4, <[u8]>::to_vec);
    log.append(&format!("{ROLLED}/appstatus_local-1.inprogress"), b"");
    for (part, at) in parts.iter().zip(1..).take(3) {
        log.append(&format!("{ROLLED}/events_{at}_local-1"), part);
    }
    assert!(log.on());
    // The compacted part contains only the application's start: nothing is left of ended jobs.
    let compacted: Vec<&[u8]> = parts[0].split_inclusive(|byte| *byte == b'\n').take(8).collect();
    log.append(&format!("{ROLLED}/events_2_local-1.compact"), &compacted.concat());
    for at in [1, 2] {
        fs::remove_file(log.path(&format!("{ROLLED}/events_{at}_local-1"))).unwrap();
    }
    assert!(!log.on());
    log.append(&format!("{ROLLED}/events_4_local-1"), &parts[3]);
    assert!(log.on());
    // Facts read before stay.
    let snapshot = log.reader.log_file().unwrap().snapshot;
    assert_eq!(snapshot.jobs, made_whole().jobs);
}

#[test]
fn unread_parts_that_were_compacted_are_read_from_the_compacted_one() {
    let mut log = Read::new();
    let parts = parts(4, <[u8]>::to_vec);
    log.append(&format!("{ROLLED}/appstatus_local-1.inprogress"), b"");
    log.append(&format!("{ROLLED}/events_1_local-1"), &parts[0]);
    assert!(log.on());
    log.append(&format!("{ROLLED}/events_3_local-1.compact"), &parts[..3].concat());
    fs::remove_file(log.path(&format!("{ROLLED}/events_1_local-1"))).unwrap();
    log.append(&format!("{ROLLED}/events_4_local-1"), &parts[3]);
    assert!(log.on());
    assert!(log.snapshot() == made_whole());
}

#[test]
fn a_replaced_log_is_read_from_its_beginning() {
    let content = content();
    let half = content.len() / 2;
    let another = another();
    assert!(another.len() > content.len());
    let changes =
        ["shorter", "another file", "another file as long", "another log", "another log, cut"];
    for change in changes {
        let mut log = Read::new();
        log.append("local-1.inprogress", &content);
        assert!(log.on());
        let path = log.path("local-1.inprogress");
        match change {
            "shorter" => fs::write(&path, &content[..half]).unwrap(),
            // In the same file, longer than the part already read.
            "another log" => fs::write(&path, &another).unwrap(),
            "another log, cut" => fs::write(&path, &another[..=content.len()]).unwrap(),
            change => {
                // The old file is kept elsewhere; otherwise the new one could get its inode number.
                fs::rename(&path, log.folder.path().join("_old")).unwrap();
                let end = if change == "another file" { half } else { content.len() };
                log.append("local-1.inprogress", &content[..end]);
            }
        }
        assert!(log.on(), "{change}");
        log.snapshot();
    }
}

#[test]
fn redundant_slashes_do_not_change_a_path() {
    let log = Read::new();
    log.append("logs/local-1", &content());
    log.append(&format!("{ROLLED}/appstatus_local-1"), b"");
    log.append(&format!("{ROLLED}/events_1_local-1"), &content());
    for path in [format!("{ROLLED}/"), "logs//local-1".to_owned(), "./logs/local-1".to_owned()] {
        let read = read_log(format!("{}/{path}", log.folder.path().display()));
        assert_eq!(read.unwrap().snapshot.jobs, made_whole().jobs, "{path}");
    }
    let folder = format!("{}/logs/", log.folder.path().display());
    assert!(matches!(read_log(folder), Err(LogError::NotOneLog { .. })));
}

#[cfg(unix)]
#[test]
fn a_path_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let log = Read::new();
    let path = log.folder.path().join(std::ffi::OsStr::from_bytes(b"app-\xff"));
    fs::write(&path, content()).unwrap();
    assert_eq!(read_log(path).unwrap().snapshot.jobs, made_whole().jobs);
}

#[test]
fn a_log_replaced_after_it_was_listed_is_read_from_its_beginning() {
    let content = content();
    let mut log = Read::new();
    log.append("local-1.inprogress", &content);
    assert!(log.on());
    log.append("local-1.inprogress", b"\n");
    let listed = log.found();
    fs::write(log.path("local-1.inprogress"), &content[..content.len() / 2]).unwrap();
    assert!(log.reader.read(&listed).unwrap());
    log.snapshot();
}

#[test]
fn a_log_truncated_while_it_is_read_is_an_error_and_then_read_from_its_beginning() {
    let mut log = Read::new();
    log.append("local-1.inprogress", &content());
    let path = log.path("local-1.inprogress");
    let cut = OpenOptions::new().write(true).open(&path).unwrap();
    log.reader = LogReader::with_progress(move |_| cut.set_len(10).unwrap());
    let error = log.reader.read(&log.found()).unwrap_err();
    assert!(matches!(error, LogError::Replaced { .. }) && error.is_failure(), "{error}");
    assert!(error.to_string().contains("local-1.inprogress"), "{error}");
    log.append("local-1.inprogress", b"");
    log.reader = LogReader::default();
    fs::write(&path, content()).unwrap();
    assert!(log.on());
    log.snapshot();
}
