//! Sending events to a server.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;

use crate::cli_support::{Ended, Folder, Server};
use serde_json::Value;

/// The counts of `send`, in the order of its output.
fn counts(output: &str) -> [u64; 6] {
    let counts: Value = serde_json::from_str(output).unwrap();
    ["sent", "recorded", "duplicate", "replaced", "rejected", "failed"]
        .map(|name| counts[name].as_u64().unwrap())
}

fn send(folder: &Folder, file: &str, url: &str, more: &[&str]) -> Ended {
    let args = ["send", "--file", file, "--url", url, "--delay", "0", "--format", "json"];
    folder.run(&[&args, more].concat())
}

#[test]
fn events_sent_twice_are_stored_once() {
    let folder = Folder::new();
    folder.generate("sample.json", "30", "9");
    let store = format!("sqlite:{}", folder.path("served.db").display());
    let server = Server::start(&store);
    let all = folder.events("sample.json").len() as u64;

    let first = send(&folder, "sample.json", &server.url, &["--concurrency", "8"]);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    assert_eq!(counts(&first.stdout), [all, all, 0, 0, 0, 0]);
    let second = send(&folder, "sample.json", &server.url, &["--no-shuffle"]);
    assert_eq!(counts(&second.stdout), [all, 0, all, 0, 0, 0]);
    drop(server);

    folder.ok(&["ingest", "sample.json"]);
    assert_eq!(folder.json(&["jobs", "--store", &store]), folder.json(&["jobs"]));
}

#[test]
fn rejected_events_are_reported_and_are_not_a_failure() {
    let folder = Folder::new();
    folder.write("events.ndjson", format!("{{\"event\":1}}\n{}\n", "x".repeat(70_000)));
    let server = Server::start("memory:");
    let ended = send(&folder, "events.ndjson", &server.url, &["--no-shuffle"]);
    assert_eq!(ended.code, Some(0));
    assert_eq!(counts(&ended.stdout), [2, 0, 0, 0, 2, 0]);
    let said: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(said.len(), 2);
    assert!(
        said[0].starts_with("not accepted: events.ndjson, line 1: field `event` must be a text")
    );
    assert!(said[1].starts_with("not accepted: events.ndjson, line 2: the event has 70000 bytes"));
}

#[test]
fn a_file_with_text_after_its_array_is_a_failure() {
    let folder = Folder::new();
    folder.write("events.json", "[{}]\n{}\n");
    let message = "error: cannot read events.json: something follows the end of its JSON array";

    // A file that is to be shuffled is read whole before anything is sent.
    let server = Scripted::start(vec![TAKEN]);
    let shuffled = send(&folder, "events.json", &server.url, &[]);
    assert_eq!((shuffled.code, shuffled.stdout.as_str()), (Some(1), ""));
    assert_eq!(shuffled.error(), message);
    assert!(server.requests.try_recv().is_err());

    let streamed = send(&folder, "events.json", &server.url, &["--no-shuffle"]);
    assert_eq!((streamed.code, counts(&streamed.stdout)), (Some(1), [1, 1, 0, 0, 0, 0]));
    assert_eq!(streamed.error(), message);
    assert_eq!(server.requests.iter().collect::<Vec<_>>(), ["{}"]);
}

#[test]
fn an_event_log_is_named_before_anything_is_sent() {
    let folder = Folder::new();
    folder.write("app-1", "{\"Event\":\"SparkListenerLogStart\"}\n{\"Event\":\"x\"}\n");
    let server = Scripted::start(vec![TAKEN]);
    for more in [&[][..], &["--no-shuffle"]] {
        let ended = send(&folder, "app-1", &server.url, more);
        assert_eq!(ended.code, Some(1));
        assert_eq!(
            ended.error(),
            "error: cannot read app-1: it is an event log that Spark wrote: use `spark-analytics import`"
        );
    }
    assert!(server.requests.try_recv().is_err());
}

#[test]
fn a_wrong_path_on_the_server_is_a_failure() {
    let folder = Folder::new();
    folder.write("events.ndjson", "{}\n{}\n");
    let server = Server::start("memory:");
    let ended = send(&folder, "events.ndjson", &server.url.replace("ingest", "nowhere"), &[]);
    assert_eq!((ended.code, counts(&ended.stdout)), (Some(1), [2, 0, 0, 0, 0, 2]));
    assert_eq!(ended.error(), "error: 2 events could not be sent");
}

#[test]
fn requests_to_a_busy_server_are_retried() {
    let folder = Folder::new();
    folder.write("events.ndjson", "{}\n");
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let server = Scripted::start(vec![busy, busy, TAKEN]);
    let ended = send(&folder, "events.ndjson", &server.url, &[]);
    assert_eq!((ended.code, counts(&ended.stdout)), (Some(0), [1, 1, 0, 0, 0, 0]));
    assert_eq!(server.requests.iter().count(), 3);
}

#[test]
fn a_server_that_stays_busy_ends_the_sending() {
    let folder = Folder::new();
    folder.write("events.ndjson", "{}\n{}\n{}\n");
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let server = Scripted::start(vec![busy, busy]);
    let ended = send(&folder, "events.ndjson", &server.url, &["--tries", "2"]);
    assert_eq!((ended.code, counts(&ended.stdout)), (Some(1), [1, 0, 0, 0, 0, 1]));
    assert!(ended.error().contains("did not accept an event in 2 tries"), "{ended:?}");
}

#[test]
fn an_unreachable_server_ends_the_sending() {
    let folder = Folder::new();
    folder.write("events.ndjson", "{}\n{}\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let ended = send(&folder, "events.ndjson", &url, &["--tries", "1"]);
    assert_eq!((ended.code, counts(&ended.stdout)), (Some(1), [1, 0, 0, 0, 0, 1]));
    assert!(ended.error().contains("Connection refused"), "{ended:?}");
}

#[test]
fn the_order_of_the_file_is_kept_on_request_only() {
    let folder = Folder::new();
    let lines: Vec<_> = (0..64).map(|n| format!("{{\"n\":{n}}}")).collect();
    folder.write("events.ndjson", lines.join("\n"));
    let sent = |more: &[&str]| {
        let server = Scripted::start(vec![TAKEN; 64]);
        assert_eq!(send(&folder, "events.ndjson", &server.url, more).code, Some(0));
        server.requests.iter().collect::<Vec<_>>()
    };
    assert_eq!(sent(&["--no-shuffle"]), lines);
    let mut shuffled = sent(&[]);
    assert_ne!(shuffled, lines);
    shuffled.sort_by_key(|line| lines.iter().position(|other| other == line));
    assert_eq!(shuffled, lines);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_the_counts_so_far() {
    let folder = Folder::new();
    folder.write("events.ndjson", "{}\n{}\n");
    let server = Scripted::start(vec![TAKEN]);
    let args = ["send", "--file", "events.ndjson", "--delay", "3600", "--format", "json"];
    let mut command = folder.command(&[&args[..], &["--url", &server.url]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    assert_eq!(server.requests.recv().unwrap(), "{}");
    crate::cli_support::interrupt(&child);
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, counts(&ended.stdout)), (Some(130), [1, 1, 0, 0, 0, 0]));
    assert!(ended.error().starts_with("error: interrupted"));
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"outcome\":\"recorded\"}";

/// A server that returns the given responses and records the requests.
struct Scripted {
    url: String,
    requests: mpsc::Receiver<String>,
}

impl Scripted {
    fn start(answers: Vec<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ingest", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            let mut answers = answers.into_iter();
            while answers.len() > 0 {
                let connection = listener.accept().unwrap().0;
                serve(connection, &mut answers, &sender);
            }
        });
        Self { url, requests }
    }
}

/// Responds to the requests of one connection until no response is left.
fn serve(
    connection: TcpStream,
    answers: &mut impl Iterator<Item = &'static str>,
    sender: &mpsc::Sender<String>,
) {
    let mut writer = connection.try_clone().unwrap();
    let mut reader = BufReader::new(connection);
    while let Some(body) = request(&mut reader) {
        let Some(answer) = answers.next() else { return };
        // The response is sent first, so the receiver of the request can rely on it.
        writer.write_all(answer.as_bytes()).unwrap();
        if sender.send(body).is_err() {
            return;
        }
    }
}

fn request(reader: &mut impl BufRead) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

#[test]
fn counts_can_be_printed_as_a_table() {
    let folder = Folder::new();
    folder.write("events.ndjson", "{}\n");
    let server = Scripted::start(vec![TAKEN]);
    let table = folder.ok(&["send", "--file", "events.ndjson", "--url", &server.url]);
    assert!(table.starts_with("SENT       1\nRECORDED   1\n"), "{table}");
    assert_eq!(table.lines().count(), 7);
}
