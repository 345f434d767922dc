//! Well-behaved clients, and how long they wait.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::trial::Target;
use crate::wire::event;

/// How long a client pauses between two requests.
const THINKS: Duration = Duration::from_millis(5);
/// How often a connection may be closed before a request is answered.
const MOST_TRIES: usize = 5;

/// The observations of a healthy client.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) count: usize,
    /// How often a connection was closed without a response, so that the client retried.
    pub(crate) again: usize,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    most: Duration,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let Self { count, again, p99, most, .. } = *self;
        write!(f, "{count:>6} {again:>5} {:>7.1} {:>7.1}", ms(p99), ms(most))
    }
}

/// A client that keeps its connection, and retries on another if it was closed. It counts its requests.
pub(crate) fn kept(target: &Target, asked: &AtomicUsize, is_over: impl Fn() -> bool) -> Seen {
    let mut wire = target.open();
    ask(asked, &is_over, |request| {
        wire.try_ask(request).or_else(|| {
            wire = target.open();
            None
        })
    })
}

/// A client that opens a new connection for each request.
pub(crate) fn new(target: &Target, asked: &AtomicUsize, is_over: impl Fn() -> bool) -> Seen {
    ask(asked, &is_over, |request| target.open().try_ask(request))
}

/// Repeatedly sends an event and reads from the store and the server. Without a response it sends the same request again;
/// its wait then includes both attempts.
fn ask(
    asked: &AtomicUsize,
    is_over: &impl Fn() -> bool,
    mut send: impl FnMut(&str) -> Option<(u16, String)>,
) -> Seen {
    let (mut times, mut tries) = (Vec::new(), 0);
    while !is_over() {
        let body = event(900_000, times.len());
        let requests = [
            format!(
                "POST /api/v1/logs/ingest HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            "GET /api/v1/analytics/summary?date=2024-03-30 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "GET /health HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        ];
        for request in requests {
            let began = Instant::now();
            let answer = (0..MOST_TRIES).find_map(|_| {
                tries += 1;
                send(&request)
            });
            times.push(began.elapsed());
            let (status, answer) = answer.unwrap_or_else(|| panic!("no answer to {request}"));
            asked.fetch_add(1, Ordering::Relaxed);
            assert_eq!(status, 200, "{request}: {answer}");
            thread::sleep(THINKS);
        }
    }
    times.sort_unstable();
    let count = times.len();
    Seen {
        count,
        again: tries - count,
        median: times[count / 2],
        p99: times[(count * 99 / 100).min(count - 1)],
        most: times[count - 1],
    }
}
