//! The router on a real socket: limits of connections and an orderly stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{MethodRouter, get};
use spark_analytics_core::{Analytics, Event, MemoryStore, Store, Timestamp};
use spark_analytics_http::{Api, ApiOptions, Hosts, ServeOptions, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

const GET: &[u8] = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";

struct Server {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

async fn start(router: Router, options: ServeOptions) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        serve(listener, router, &options, async { stopped.await.unwrap_or_default() }).await;
    });
    Server { address, stop, served }
}

fn api() -> Router {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    Api::new(Analytics::new(store)).into_router()
}

/// Reads until the other side closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

/// Sends a request on a connection that stays open.
async fn answered(stream: &mut TcpStream) {
    stream.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(br#"{"status":"healthy"}"#) {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "it is closed");
    }
}

#[tokio::test]
async fn a_head_that_does_not_arrive_closes_the_connection() {
    let options = ServeOptions::default().header_timeout(Duration::from_millis(50));
    let server = start(api(), options).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHo").await.unwrap();
    let answer = rest(stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

/// A handler that reports when it is called, and responds when it is allowed to.
fn slow() -> (MethodRouter, Arc<Notify>, Arc<Notify>) {
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (enters, goes_on) = (Arc::clone(&entered), Arc::clone(&go_on));
    let handler = get(move || async move {
        enters.notify_one();
        goes_on.notified().await;
        "done"
    });
    (handler, entered, go_on)
}

const CLOSE: &[u8] = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn the_connection_idle_longest_is_evicted_for_a_new_one() {
    let options = ServeOptions::default().connections(2);
    let server = start(api(), options).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    for stream in [&mut second, &mut first] {
        stream.write_all(GET).await.unwrap();
        stream.read_u8().await.unwrap();
    }
    let mut third = TcpStream::connect(server.address).await.unwrap();
    third.write_all(CLOSE).await.unwrap();
    assert!(rest(third).await.starts_with("HTTP/1.1 200"));
    assert!(rest(second).await.starts_with("TTP/1.1 200"));
    first.write_all(CLOSE).await.unwrap();
    assert_eq!(rest(first).await.matches("TTP/1.1 200").count(), 2);
}

#[tokio::test]
async fn a_head_of_16_kib_is_read_and_a_longer_one_refused() {
    let server = start(api(), ServeOptions::default()).await;
    for (bytes, answer) in [(15 << 10, "HTTP/1.1 200"), (17 << 10, "HTTP/1.1 431")] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = String::from_utf8(CLOSE.to_vec()).unwrap();
        let head = head.replace("\r\n\r\n", &format!("\r\nx: {}\r\n\r\n", "a".repeat(bytes)));
        stream.write_all(head.as_bytes()).await.unwrap();
        let response = rest(stream).await;
        assert!(response.starts_with(answer), "{bytes}: {response}");
    }
}

#[tokio::test]
async fn a_client_that_sends_single_bytes_is_evicted_before_one_idle_for_less_long() {
    let head = "POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n[";
    for (begin, drip) in [("GET /health HTTP/1.1\r\nX: ", "a"), (head, " ")] {
        let options = ServeOptions::default().connections(3);
        let server = start(api(), options).await;
        let mut connections = Vec::new();
        for _ in 0..3 {
            connections.push(TcpStream::connect(server.address).await.unwrap());
        }
        let [dripping, kept, last] = &mut connections[..] else { unreachable!() };
        dripping.write_all(begin.as_bytes()).await.unwrap();
        for _ in 0..20 {
            answered(kept).await;
            dripping.write_all(drip.as_bytes()).await.unwrap();
            // One byte in this time is less than 4 KiB/s.
            for _ in 0..20 {
                answered(last).await;
            }
        }
        let mut another = TcpStream::connect(server.address).await.unwrap();
        another.write_all(CLOSE).await.unwrap();
        assert!(rest(another).await.starts_with("HTTP/1.1 200"));
        answered(kept).await;
        answered(last).await;
    }
}

#[tokio::test]
async fn a_connection_whose_request_is_processed_is_not_evicted() {
    let (slow, entered, go_on) = slow();
    let options = ServeOptions::default().connections(1);
    let server = start(Router::new().route("/health", slow), options).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(CLOSE).await.unwrap();
    entered.notified().await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(CLOSE).await.unwrap();
    let mut waiting = Box::pin(rest(second));
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.is_err());
    go_on.notify_one();
    assert!(rest(first).await.ends_with("done"));
    go_on.notify_one();
    assert!(waiting.await.ends_with("done"));
}

#[tokio::test]
async fn a_connection_whose_body_does_not_arrive_is_evicted() {
    let options = ServeOptions::default().connections(1);
    let server = start(api(), options).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let head = b"POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n[";
    first.write_all(head).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(CLOSE).await.unwrap();
    assert!(rest(second).await.starts_with("HTTP/1.1 200"));
    assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_has_closed_its_half_is_answered() {
    let (slow, entered, go_on) = slow();
    let server = start(Router::new().route("/health", slow), ServeOptions::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    stream.shutdown().await.unwrap();
    entered.notified().await;
    go_on.notify_one();
    assert!(rest(stream).await.ends_with("done"));
}

/// More than the buffers of two sockets hold.
const LONG: usize = 64 << 20;

fn long() -> Router {
    Router::new().route("/health", get(async || vec![b'a'; LONG]))
}

#[tokio::test]
async fn a_client_that_does_not_read_its_response_is_disconnected() {
    let options = ServeOptions::default().write_timeout(Duration::from_millis(50));
    let server = start(long(), options).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(GET).await.unwrap();
    server.stop.send(()).unwrap();
    // The server would wait for requests in progress.
    server.served.await.unwrap();
    let mut taken = Vec::new();
    let _ = stream.read_to_end(&mut taken).await;
    assert!(taken.len() < LONG, "{}", taken.len());
}

#[tokio::test]
async fn a_request_over_the_memory_limit_is_refused() {
    let options = ServeOptions::default().held_bytes(100_000);
    let server = start(api(), options).await;
    let zstd = "POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Encoding: zstd\r\n\
        Connection: close\r\nContent-Length: 1\r\n\r\n ";
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(zstd.as_bytes()).await.unwrap();
    let answer = rest(stream).await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1\r\n"),
        "{answer}"
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(CLOSE).await.unwrap();
    assert!(rest(stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_releases_its_memory() {
    let options = ServeOptions::default().held_bytes(10 << 20);
    let server = start(api(), options).await;
    let post = |length: usize| {
        format!(
            "POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Encoding: zstd\r\n\
             Expect: 100-continue\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(post(9).as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    first.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    let mut second = TcpStream::connect(server.address).await.unwrap();
    second.write_all(post(1).as_bytes()).await.unwrap();
    second.write_all(b" ").await.unwrap();
    assert!(rest(second).await.contains("HTTP/1.1 400"));
    assert_eq!(first.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_request_in_progress_is_answered_after_the_stop_and_idle_connections_close() {
    let (slow, entered, go_on) = slow();
    let server = start(Router::new().route("/slow", slow), ServeOptions::default()).await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    entered.notified().await;
    server.stop.send(()).unwrap();
    assert_eq!(rest(idle).await, "");
    go_on.notify_one();
    assert!(rest(busy).await.ends_with("done"));
    server.served.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_indefinitely() {
    let options = ServeOptions::default().shutdown_timeout(Duration::from_millis(50));
    let entered = Arc::new(Notify::new());
    let stuck = {
        let entered = Arc::clone(&entered);
        get(move || async move {
            entered.notify_one();
            std::future::pending::<()>().await;
        })
    };
    let server = start(Router::new().route("/stuck", stuck), options).await;
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    busy.write_all(b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    entered.notified().await;
    server.stop.send(()).unwrap();
    server.served.await.unwrap();
}

#[tokio::test]
async fn a_router_can_be_mounted_under_a_path() {
    let mounted = Router::new().nest("/spark", api());
    let server = start(mounted, ServeOptions::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let get = b"GET /spark/nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(get).await.unwrap();
    assert!(rest(stream).await.contains("application/problem+json"));
}

/// Sends a whole request before it reads the response.
async fn answer_after_all(address: std::net::SocketAddr, head: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}Host: x\r\n\r\n").as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap_or_else(|error| panic!("{head}: {error}"));
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap_or_else(|error| panic!("{head}: {error}"));
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_sends_everything_first() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let options = ApiOptions::default().batch_events(20_000);
    let router = Api::new(Analytics::new(store)).options(options).into_router();
    let server = start(router, ServeOptions::default()).await;
    let (json, lines) = ("Content-Type: application/json", "Content-Type: application/x-ndjson");
    let (csv, gzip) = ("Content-Type: text/csv", "Content-Encoding: gzip");
    let event = r#"{"event":"SparkListenerJobStart","job_id":1,"timestamp":"2024-03-30T10:12:45Z","user":"a"}"#;
    for (line, header, start, filler, status) in [
        ("POST /api/v1/logs/batch", csv, "", " ", 415),
        ("POST /api/v1/logs/batch", "Content-Encoding: br", "", " ", 415),
        ("POST /api/v1/logs/batch?errors=all", json, "[", " ", 400),
        ("POST /api/v1/logs/batch", json, "x", " ", 400),
        ("POST /api/v1/logs/batch", json, "[]x", " ", 400),
        ("POST /api/v1/logs/batch", gzip, "x", " ", 400),
        ("POST /api/v1/logs/batch", lines, "", "0\n", 400),
        ("POST /api/v1/logs/batch", lines, event, &format!("\n{event}"), 413),
        ("POST /api/v1/logs/ingest", json, "", " ", 413),
        ("POST /api/v1/logs/ingest", csv, "", " ", 415),
        ("POST /api/v1/nope", json, "", " ", 404),
        ("POST /health", json, "", " ", 405),
    ] {
        let body = [start, &filler.repeat((20 << 20) / filler.len())].concat();
        let size = body.len();
        let chunked = format!("{size:x}\r\n{body}\r\n0\r\n\r\n");
        for (length, body) in [
            (format!("Content-Length: {size}"), &body),
            ("Transfer-Encoding: chunked".into(), &chunked),
        ] {
            for close in ["", "Connection: close\r\n"] {
                let head = format!("{line} HTTP/1.1\r\n{header}\r\n{length}\r\n{close}");
                let answer = answer_after_all(server.address, &head, body.as_bytes()).await;
                assert_eq!(answer, format!("HTTP/1.1 {status}"), "{head}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_held_back_by_the_client_is_refused_without_requesting_it() {
    let server = start(api(), ServeOptions::default()).await;
    for (path, media) in [("batch", "text/csv"), ("ingest", "application/json")] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST /api/v1/logs/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\n\
             Content-Length: 20000000\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 4") && !answer.contains(" 100 "), "{answer}");
    }
}

/// A job with 100 events of almost 64 KiB each.
async fn with_long_events() -> Router {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let events = (0..100).map(|task| {
        let end = Timestamp::from_millis(task);
        let event = Event::task_end(1, end, "ada", format!("t{task}"), 1, true).unwrap();
        let pad = format!(r#"{{"pad":"{}","#, "x".repeat(65_000));
        Event::from_json(&event.raw().replacen('{', &pad, 1)).unwrap()
    });
    store.ingest(events.collect()).await.unwrap();
    let options = ApiOptions::default().read_wait(Duration::from_millis(50));
    Api::new(Analytics::new(store)).options(options).into_router()
}

#[tokio::test]
async fn an_answer_may_be_longer_than_the_memory_for_answers_but_not_a_piece_of_it() {
    let list =
        b"GET /api/v1/logs?job_id=1&limit=1000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (memory, status, has_all) in [(3 << 20, "200", true), (1 << 20, "503", false)] {
        let options = ServeOptions::default().held_bytes(memory);
        let server = start(with_long_events().await, options).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(list).await.unwrap();
        let answer = rest(stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{}", &answer[..200]);
        assert_eq!(answer.matches(r#""log_id":"#).count() == 100, has_all);
        assert_eq!(answer.ends_with("\"next\":null}\r\n0\r\n\r\n"), has_all);
    }
}

#[tokio::test]
async fn clients_that_do_not_read_their_lists_hold_a_piece_each_until_others_need_it() {
    let list =
        b"GET /api/v1/logs?job_id=1&limit=1000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    // Two pieces of 2 MiB have room, beside what the sockets take.
    let server = start(with_long_events().await, ServeOptions::default().held_bytes(5 << 20)).await;
    let mut idle = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(list).await.unwrap();
        stream.read_u8().await.unwrap();
        idle.push(stream);
    }
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(list).await.unwrap();
    assert!(rest(stream).await.ends_with("\"next\":null}\r\n0\r\n\r\n"));
}

/// The status line of the response to the head of a request on a connection of its own, and whether the connection ends.
async fn status_of(server: &Server, request: &str) -> (String, bool) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = rest(stream).await.to_lowercase();
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, answer.contains("\r\nconnection: close\r\n"))
}

#[tokio::test]
async fn a_request_has_exactly_one_valid_host() {
    let server = start(api(), ServeOptions::default()).await;
    for (head, status) in [
        ("GET /health HTTP/1.1\r\nHost: x\r\n", "200"),
        ("GET /health HTTP/1.1\r\nHost: [::1]:8000\r\n", "200"),
        ("GET http://x/health HTTP/1.1\r\nHost: x\r\n", "200"),
        ("GET /health HTTP/1.0\r\n", "200"),
        ("GET /health HTTP/1.1\r\n", "400"),
        ("GET http://x/health HTTP/1.1\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost:\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nHost: x\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: x\r\nhost: y\r\n", "400"),
        ("GET /health HTTP/1.0\r\nHost: x\r\nHost: y\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: a b\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: x/y\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: ada@x\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: x:80:80\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: x, y z\r\n", "400"),
        ("GET http://ada@x/health HTTP/1.1\r\nHost: x\r\n", "400"),
    ] {
        let (answered, closes) = status_of(&server, &format!("{head}\r\n")).await;
        assert_eq!(answered, status, "{head}");
        assert!(status == "200" || closes, "{head}");
    }
}

#[tokio::test]
async fn transfer_codings_that_are_not_read_are_refused() {
    let server = start(api(), ServeOptions::default()).await;
    let post =
        "POST /api/v1/logs/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n";
    for (codings, status) in [
        ("Transfer-Encoding: chunked\r\n", "200"),
        ("Transfer-Encoding: Chunked\r\n", "200"),
        ("Transfer-Encoding: gzip, chunked\r\n", "501"),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "501"),
        ("Transfer-Encoding: identity, chunked\r\n", "501"),
        ("Transfer-Encoding: chunked, chunked\r\n", "501"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "501"),
    ] {
        let (answered, closes) = status_of(&server, &format!("{post}{codings}\r\n0\r\n\r\n")).await;
        assert_eq!(answered, status, "{codings}");
        assert!(status == "200" || closes, "{codings}");
    }
}

#[tokio::test]
async fn only_known_hosts_are_answered_where_they_are_given() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let hosts = Hosts::new(["figures.example".parse().unwrap()]);
    let own = hosts.guard(Router::new().route("/own", get(async || "own")));
    let api = Api::new(Analytics::new(store)).options(ApiOptions::default().hosts(hosts));
    let server = start(api.into_router().merge(own), ServeOptions::default()).await;
    for (host, is_known) in [
        ("localhost", true),
        ("LocalHost.:8000", true),
        ("a.localhost", true),
        ("127.0.0.1:8000", true),
        ("[::1]", true),
        ("192.0.2.7", true),
        ("figures.example", true),
        ("Figures.Example:8000", true),
        ("evil.example", false),
        ("figures.example.evil.example", false),
        ("localhost.evil.example", false),
        ("127.0.0.1.evil.example", false),
        ("evillocalhost", false),
    ] {
        for path in ["/health", "/api/v1/analytics/jobs", "/own", "/nothing"] {
            let known = if path == "/nothing" { "404" } else { "200" };
            let expected = if is_known { known } else { "421" };
            for request in [
                format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
                format!("GET http://{host}{path} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            ] {
                assert_eq!(status_of(&server, &request).await.0, expected, "{request}");
            }
        }
    }
    assert_eq!(status_of(&server, "GET /health HTTP/1.0\r\n\r\n").await.0, "200");
}
