//! Logs in an S3 store on the loopback interface.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;

use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use spark_analytics_eventlog::{Discovered, find_logs, list_logs, read_found};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// An S3 store that serves the subfolders of a folder as buckets, and whose address is in the environment.
static ROOT: LazyLock<TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir().unwrap();
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = builder.build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", &*endpoint),
        ("AWS_ALLOW_HTTP", "true"),
    ] {
        // SAFETY: every test waits for this first, and only Rust code reads the environment.
        unsafe { std::env::set_var(name, value) };
    }
    thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(socket), service.clone()));
            }
        })
    });
    root
});

fn write(key: &str, bytes: impl AsRef<[u8]>) {
    let path = ROOT.path().join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn copy(from: &Path, key: &str) {
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let key = format!("{key}/{}", entry.file_name().unwrap().to_str().unwrap());
        match entry.is_dir() {
            true => copy(&entry, &key),
            false => write(&key, fs::read(&entry).unwrap()),
        }
    }
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// The logs found, each followed by its parts, with names relative to the bucket's root.
fn names(found: &Discovered, root: &str) -> Vec<String> {
    let mut out = Vec::new();
    for log in &found.logs {
        out.push(format!("{} {:?}", log.name.strip_prefix(root).unwrap(), log.kind));
        for part in &log.parts {
            let name = part.name.strip_prefix(root).unwrap();
            out.push(format!("{name} {} {}", part.index, part.size));
        }
    }
    out
}

/// Asserts that a folder has the same logs and facts over S3 as in files.
#[track_caller]
fn assert_same(bucket: &str, key: &str, logs: usize) {
    let (root, base) = (ROOT.path().join(bucket), format!("s3://{bucket}"));
    let (path, url) = (root.join(key), format!("{base}/{key}"));
    for (files, objects) in
        [(find_logs(&path), find_logs(&url)), (list_logs(&path), list_logs(&url))]
    {
        assert_eq!((&objects.skipped, &objects.failed), (&vec![], &vec![]));
        assert_eq!(names(&objects, &base), names(&files, root.to_str().unwrap()));
    }
    let (files, objects) = (find_logs(&path), find_logs(&url));
    assert_eq!(objects.logs.len(), logs);
    for (file, object) in files.logs.iter().zip(&objects.logs) {
        assert_eq!(
            (&file.app_name, file.is_in_progress),
            (&object.app_name, object.is_in_progress)
        );
        let (file, object) = (read_found(file).unwrap(), read_found(object).unwrap());
        assert!(file.snapshot == object.snapshot, "{url}");
        assert_eq!((file.warnings, file.bytes), (object.warnings, object.bytes));
    }
}

#[test]
fn logs_in_a_bucket_equal_the_same_logs_in_files() {
    for case in ["codec-3.5-zstd", "spec-3.5", "failures-3.5"] {
        copy(&cases().join(case).join("log"), &format!("cases/logs/{case}"));
    }
    let log = fs::read_to_string(cases().join("spec-3.5/log/app-20261123203120-0000")).unwrap();
    let lines: Vec<_> = log.split_inclusive('\n').collect();
    for (index, part) in (1..).zip(lines.chunks(20)) {
        let app = "app-20261123203120-0000";
        write(&format!("cases/logs/eventlog_v2_{app}/events_{index}_{app}"), part.concat());
        write(
            &format!("cases/logs/databricks/7/eventlog-2026-11-23--20-{index:02}"),
            part.concat(),
        );
    }
    write("cases/logs/eventlog_v2_app-20261123203120-0000/appstatus_app-1", "");
    write("cases/logs/local-1.inprogress", log);
    write("cases/logs/_temporary/0/local-2", "no log");
    write("cases/logs/_SUCCESS", "");
    write("cases/logs.txt", "no log");
    assert_same("cases", "logs", 6);
    assert_same("cases", "logs/", 6);
    assert_same("cases", "logs/databricks", 1);
    assert_same("cases", "logs/eventlog_v2_app-20261123203120-0000", 1);
    assert_same("cases", "logs/local-1.inprogress", 1);
    let s3a = find_logs("s3a://cases/logs/local-1.inprogress").logs.remove(0);
    assert_eq!(s3a.id(), "s3a://cases/logs/local-1");
}

#[test]
fn the_shared_logs_in_a_bucket_equal_the_same_logs_in_files() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/eventlogs");
    if !shared.exists() {
        return;
    }
    for case in ["codec-3.5-lz4", "rolling-3.5-zstd", "rolling-4.1-compacted-ok"] {
        copy(&shared.join(case).join("log"), &format!("shared/{case}"));
    }
    assert_same("shared", "", 3);
}

#[test]
fn a_missing_log_is_named_by_its_url() {
    write("some/logs/local-1", "");
    for (url, reason) in
        [("s3://none/logs", "NoSuchBucket"), ("s3://some/missing", "404"), ("s3://some/log", "404")]
    {
        let found = find_logs(url);
        let ([], [], [failed]) = (&found.logs[..], &found.skipped[..], &found.failed[..]) else {
            panic!("{found:?}")
        };
        assert!(failed.reason.starts_with(&format!("cannot read {url}: ")), "{found:?}");
        assert!(failed.reason.contains(reason), "{found:?}");
    }
}

#[test]
fn a_part_that_vanishes_is_an_error_that_names_it() {
    write("gone/logs/local-1", "{}");
    let log = find_logs("s3://gone/logs").logs.remove(0);
    fs::remove_file(ROOT.path().join("gone/logs/local-1")).unwrap();
    let error = read_found(&log).unwrap_err().to_string();
    assert!(error.starts_with("cannot read s3://gone/logs/local-1: "), "{error}");
    assert!(error.contains("NoSuchKey"), "{error}");
}
