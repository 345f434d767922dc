//! Logs on a web server on the loopback interface.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;
use spark_analytics_eventlog::{Discovered, find_logs, list_logs, read_found};

use crate::made::Log;
use crate::made::codecs::zstd;

/// What the server does with its response to a `GET`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Good,
    /// Closes the connection after half of each response.
    Cut,
    /// Closes the connection after half of the first response.
    CutOnce,
}

/// Serves `/log.zstd` and nothing else.
struct Server {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn new(body: Vec<u8>, line: Line, has_tag: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = answer(stream.unwrap(), &body, line, has_tag, &count);
            }
        });
        Self { url, requests }
    }

    fn log(&self) -> String {
        format!("{}/log.zstd", self.url)
    }
}

fn answer(
    mut stream: TcpStream,
    body: &[u8],
    line: Line,
    has_tag: bool,
    gets: &AtomicUsize,
) -> std::io::Result<()> {
    let mut first = String::new();
    let mut range = None;
    for header in BufReader::new(&stream).lines() {
        let header = header?;
        let lower = header.to_ascii_lowercase();
        if let Some(bytes) = lower.strip_prefix("range: bytes=") {
            let start: usize = bytes.split('-').next().unwrap().parse().unwrap();
            range = Some(start);
        }
        if header.is_empty() {
            break;
        }
        if first.is_empty() {
            first = header;
        }
    }
    if !first.contains(" /log.zstd ") {
        return write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let part = &body[range.unwrap_or(0)..];
    match range {
        None => write!(stream, "HTTP/1.1 200 OK\r\n")?,
        Some(start) => write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{}\r\n",
            body.len() - 1,
            body.len()
        )?,
    }
    if has_tag {
        write!(stream, "ETag: \"1\"\r\n")?;
    }
    write!(stream, "Content-Length: {}\r\nConnection: close\r\n", part.len())?;
    write!(stream, "Last-Modified: Mon, 23 Nov 2026 20:29:49 GMT\r\n\r\n")?;
    if first.starts_with("GET") {
        let is_first = gets.fetch_add(1, Ordering::SeqCst) == 0;
        let is_cut = line == Line::Cut || line == Line::CutOnce && is_first;
        stream.write_all(if is_cut { &part[..part.len() / 2] } else { part })?;
    }
    Ok(())
}

fn whole() -> Log {
    let mut log = Log::started();
    log.executor_added("1");
    for job in 0..500 {
        log.job_start(job, &[(job, 1)]).submit(job, 0, 1).task((job, 0), job, 0);
        log.complete(job, 0, 1).job_end(job);
    }
    log.add(json!({"Event": "SparkListenerApplicationEnd", "Timestamp": 9_999}));
    log
}

fn failure(found: &Discovered) -> &str {
    let ([], [], [failed]) = (&found.logs[..], &found.skipped[..], &found.failed[..]) else {
        panic!("{found:?}")
    };
    &failed.reason
}

#[test]
fn a_log_on_a_web_server_equals_the_same_log_in_a_file() {
    let server = Server::new(zstd(whole().text().as_bytes()), Line::Good, false);
    for found in [find_logs(server.log()), list_logs(server.log())] {
        let [log] = &found.logs[..] else { panic!("{found:?}") };
        assert_eq!((&log.name, log.id(), &*log.app_name), (&server.log(), &*server.log(), "log"));
        let read = read_found(log).unwrap();
        assert_eq!((read.snapshot, read.warnings), (whole().read(), vec![]));
    }
}

#[test]
fn reading_may_begin_in_the_middle_of_a_file() {
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let server = Server::new(body.clone(), Line::Good, false);
    let log = find_logs(server.log()).logs.remove(0);
    let part = &log.parts[0];
    assert_eq!(part.size, 300_000);
    for offset in [0, 1, 299_999, 300_000, 400_000] {
        let mut rest = Vec::new();
        part.open(offset).unwrap().read_to_end(&mut rest).unwrap();
        assert!(rest == body[body.len().min(offset as usize)..], "{offset}");
    }
}

#[test]
fn a_lost_connection_is_an_error_and_not_a_shorter_log() {
    let server = Server::new(whole().text().into_bytes(), Line::Cut, false);
    let log = find_logs(server.log()).logs.remove(0);
    let error = read_found(&log).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read {}: ", server.log())), "{error}");
    let mut reader = log.parts[0].open(0).unwrap();
    let mut bytes = Vec::new();
    assert!(reader.read_to_end(&mut bytes).is_err());
    assert!(reader.read_to_end(&mut bytes).is_err(), "an error is not an end");
}

#[test]
fn a_lost_connection_is_resumed_if_the_server_reports_a_version() {
    let server = Server::new(whole().text().into_bytes(), Line::CutOnce, true);
    let log = find_logs(server.log()).logs.remove(0);
    assert_eq!(read_found(&log).unwrap().snapshot, whole().read());
    assert_eq!(server.requests.load(Ordering::SeqCst), 2);
}

#[test]
fn a_dropped_reader_stops_fetching() {
    let server = Server::new(vec![b'x'; 64 * 1024 * 1024], Line::Good, false);
    let log = find_logs(server.log()).logs.remove(0);
    let mut reader = log.parts[0].open(0).unwrap();
    reader.read_exact(&mut [0; 1_000]).unwrap();
    drop(reader);
    // The server handles one connection at a time.
    assert_eq!(find_logs(server.log()).logs.len(), 1);
}

#[test]
fn reading_works_within_another_runtime() {
    let server = Server::new(zstd(whole().text().as_bytes()), Line::Good, false);
    let url = server.log();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let read = runtime.block_on(async move { read_found(&find_logs(url).logs[0]) });
    assert_eq!(read.unwrap().snapshot, whole().read());
}

#[test]
fn a_missing_log_is_named_by_its_url() {
    let server = Server::new(Vec::new(), Line::Good, false);
    let url = format!("{}/missing", server.url);
    let found = find_logs(&url);
    assert!(failure(&found).starts_with(&format!("cannot read {url}: ")), "{found:?}");
    assert!(failure(&found).contains("404"), "{found:?}");

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let found = find_logs(format!("http://127.0.0.1:{port}/log"));
    assert!(failure(&found).contains("Connection refused"), "{found:?}");
}

#[test]
fn a_url_that_is_not_of_a_log_is_an_error() {
    for (url, reason) in [
        ("ftp://host/log", "Unable to recognise URL"),
        ("http://", "empty host"),
        (
            "http://user:secret@host/log",
            "the URL of a log must not contain a password or a query (`?`)",
        ),
        (
            "http://host/log?key=secret",
            "the URL of a log must not contain a password or a query (`?`)",
        ),
    ] {
        let found = find_logs(url);
        assert!(failure(&found).contains(reason), "{url}: {found:?}");
        assert!(!format!("{found:?}").contains("secret"), "{found:?}");
    }
}
