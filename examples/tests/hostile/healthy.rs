//! Clients that do nothing wrong, and how long they wait.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::trial::Target;
use crate::wire::event;

/// How long a client thinks between two requests.
const THINKS: Duration = Duration::from_millis(5);

/// What a healthy client saw.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) count: usize,
    pub(crate) p99: Duration,
    most: Duration,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(f, "{:>6} {:>7.1} {:>7.1}", self.count, ms(self.p99), ms(self.most))
    }
}

/// One that keeps its connection, and asks again on another where it was closed between two requests.
pub(crate) fn kept(target: &Target, is_over: impl Fn() -> bool) -> Seen {
    let mut wire = target.open();
    ask(&is_over, |request| {
        wire.try_ask(request).unwrap_or_else(|| {
            wire = target.open();
            wire.ask(request)
        })
    })
}

/// One that has a new connection for each request.
pub(crate) fn new(target: &Target, is_over: impl Fn() -> bool) -> Seen {
    ask(&is_over, |request| target.open().ask(request))
}

/// Sends an event, and reads of the store and of the server, over and over.
fn ask(is_over: &impl Fn() -> bool, mut send: impl FnMut(&str) -> (u16, String)) -> Seen {
    let mut times = Vec::new();
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
            let asked = Instant::now();
            let (status, answer) = send(&request);
            times.push(asked.elapsed());
            assert_eq!(status, 200, "{request}: {answer}");
            thread::sleep(THINKS);
        }
    }
    times.sort_unstable();
    let count = times.len();
    Seen { count, p99: times[(count * 99 / 100).min(count - 1)], most: times[count - 1] }
}
