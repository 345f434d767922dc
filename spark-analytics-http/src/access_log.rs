//! Middleware for every request: request id, access log, panic handling, and delivery of the response.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime};

use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use metrics::{counter, histogram};
use tracing::field::display;
use tracing::{Level, enabled, event};

use crate::problem::{Detail, Problem};
use crate::request::{Caller, REQUEST_ID};
use crate::server::connections::Slot;
use crate::server::one_request::Peer;
use crate::server::{drain, one_request};
use crate::state::App;

const MAX_ID_BYTES: usize = 128;
const MAX_USER_AGENT_BYTES: usize = 128;
/// How much of an unread body is drained, in multiples of the longest batch.
const DRAINED_BATCHES: usize = 4;

/// Gives the request an id, its own `x-request-id` if that is valid, and returns it with the response. Reports the
/// response as one `tracing` event and counts it in the metrics. Drains the body if it was not read to its end.
pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_valid_id(id)).cloned();
    let id = id.unwrap_or_else(new_id);
    let logged = enabled!(Level::INFO).then(|| Logged::new(&request));
    let counted = Counted::new(&request);
    let slot = request.extensions().get::<Arc<Slot>>().cloned();
    let (request, unread) = drain::watch(request);
    let mut response = match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the server failed to handle this request; see its log for details",
        )
        .into_response(),
    };
    if let Some(unread) = unread {
        unread.drain(
            app.options.batch_bytes.saturating_mul(DRAINED_BATCHES) as u64,
            app.options.body_timeout,
        );
    }
    if let Some(slot) = slot {
        response = one_request::reserve(response, &slot);
    }
    counted.count(response.status(), started.elapsed().as_secs_f64());
    if let Some(Logged { method, uri, client, user_agent }) = logged {
        let detail = response.extensions().get::<Detail>().map(|detail| detail.0.as_str());
        let token = response.extensions().get::<Caller>().map(|caller| &*caller.0);
        let status = response.status().as_u16();
        let (client, user_agent) = (client.map(display), user_agent.as_deref());
        let bytes = response.body().size_hint().exact();
        let ms = started.elapsed().as_micros() as f64 / 1e3;
        let id = id.to_str().unwrap_or_default();
        macro_rules! log {
            ($level:expr) => {
                event!(
                    $level, id, client, %method, path = uri.path(), query = uri.query(), user_agent, token,
                    status, bytes, ms, detail, "answered"
                )
            };
        }
        let log = || if status >= 500 { log!(Level::WARN) } else { log!(Level::INFO) };
        // A subscriber that panics must not cost the client its response.
        let _ = catch_unwind(AssertUnwindSafe(log));
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What the log says of a request.
struct Logged {
    method: Method,
    uri: Uri,
    /// The address of the connection; `None` if another server embeds the router.
    client: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Logged {
    fn new(request: &Request) -> Self {
        let address = request.extensions().get::<Peer>();
        let user_agent = request.headers().get(header::USER_AGENT);
        let user_agent = user_agent.map(|agent| {
            let agent = agent.as_bytes();
            String::from_utf8_lossy(&agent[..agent.len().min(MAX_USER_AGENT_BYTES)]).into_owned()
        });
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            client: address.map(|Peer(address)| address.ip()),
            user_agent,
        }
    }
}

/// The labels of a request in the metrics: bounded by the number of routes, whatever clients send.
struct Counted {
    method: &'static str,
    route: String,
}

impl Counted {
    fn new(request: &Request) -> Self {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::HEAD => "HEAD",
            Method::OPTIONS => "OPTIONS",
            _ => "other",
        };
        let route = request.extensions().get::<MatchedPath>();
        Self { method, route: route.map_or("other", MatchedPath::as_str).to_owned() }
    }

    fn count(self, status: StatusCode, seconds: f64) {
        let Self { method, route } = self;
        histogram!("spark_analytics_http_request_seconds", "route" => route.clone())
            .record(seconds);
        let status = status.as_u16().to_string();
        let labels = [("method", method.to_owned()), ("route", route), ("status", status)];
        counter!("spark_analytics_http_requests_total", &labels).increment(1);
    }
}

fn is_valid_id(id: &HeaderValue) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// Unique in this process, and unlikely to occur in another: a counter that starts at the time of the first use.
fn new_id() -> HeaderValue {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        AtomicU64::new(since_epoch.map_or(0, |since| since.as_nanos() as u64))
    });
    let id = format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed));
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("0"))
}
