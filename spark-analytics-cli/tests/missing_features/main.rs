//! What a build without a feature says to whoever needs it. In a build with all features there is nothing to test:
//! `cargo test -p spark-analytics-cli --test missing_features`.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::process::Command;

/// Checks that the program fails with one line that names the feature.
#[allow(dead_code, reason = "a build with all features lacks nothing")]
fn names(feature: &str, arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.json"), "[]").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_spark-analytics"));
    let ended = program.args(arguments).current_dir(folder.path()).env_clear().output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
    let expected = format!(
        "needs the feature `{feature}`; build with `--features {feature}` or `--features full`"
    );
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && last.ends_with(&expected), "{arguments:?}: {said}");
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_store_on_postgresql() {
    names("postgres", &["jobs", "--store", "postgres://ada@db/spark"]);
    names("postgres", &["ingest", "events.json", "--store", "postgresql://ada@db/spark"]);
}

#[cfg(not(feature = "amqp"))]
#[test]
fn a_broker() {
    names("amqp", &["work", "--amqp", "amqp://localhost"]);
    names("amqp", &["serve", "--listen", "127.0.0.1:0", "--publish", "amqp://localhost"]);
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_shared_cache() {
    let listen = ["serve", "--listen", "127.0.0.1:0", "--store", "memory:"];
    names("redis", &[&listen[..], &["--redis", "redis://localhost"]].concat());
}

#[cfg(not(feature = "tls"))]
#[test]
fn https() {
    let listen = ["serve", "--listen", "127.0.0.1:0", "--store", "memory:"];
    names("tls", &[&listen[..], &["--tls-cert", "a.pem", "--tls-key", "b.pem"]].concat());
    names("tls", &["send", "--file", "events.json", "--url", "https://localhost/"]);
}

#[cfg(not(any(feature = "s3", feature = "gs", feature = "az", feature = "http")))]
#[test]
fn logs_in_object_stores_and_at_urls() {
    names("s3", &["import", "s3://bucket/logs"]);
    names("gs", &["import", "gs://bucket/logs"]);
    names("az", &["import", "az://container/logs"]);
    names("http", &["import", "https://localhost/log"]);
}
