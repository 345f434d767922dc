//! A request to the router over a store in memory.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use serde_json::Value;
use spark_analytics_core::log::LogSnapshot;
use spark_analytics_core::{Analytics, Store};
use spark_analytics_http::{Api, ApiOptions};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::held;
use crate::reset::Reset;

pub(crate) static SERVER: LazyLock<Server> = LazyLock::new(Server::new);

/// Sends the request in the input: method and target, one line per header, an empty line, the body. The server must answer,
/// equally if the body comes in pieces, and a repeated request must change nothing.
pub fn request(data: &[u8]) {
    let Some((parts, body)) = parse(data) else { return };
    SERVER.runtime.block_on(async {
        let first = SERVER.ask_afresh(&parts, [body]).await;
        check(&parts, &first);
        let again = SERVER.ask(&parts, [body]).await;
        check_repeated(&parts, &first, &again);
        let in_pieces = SERVER.ask_afresh(&parts, body.chunks(1 + body.len() % 7)).await;
        assert_eq!(in_pieces.status, first.status);
        // The error of a decoder depends on the size of the pieces.
        let is_packed = parts.headers.contains_key(header::CONTENT_ENCODING);
        if !varies(&parts) && (first.status.is_success() || !is_packed) {
            assert_eq!(in_pieces, first);
        }
    });
}

/// The response of a server.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    store: Arc<Reset>,
    router: Router,
    log: LogSnapshot,
}

impl Server {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let store = Arc::new(Reset::new());
        // Small, so that short bodies exceed them.
        let options =
            ApiOptions::default().event_bytes(1 << 10).batch_bytes(4 << 10).batch_events(20);
        let shared: Arc<dyn Store> = Arc::<Reset>::clone(&store);
        let router = Api::new(Analytics::new(shared)).options(options).into_router();
        Self { runtime, store, router, log: held::log() }
    }

    /// The response to a request while the store has its initial content.
    pub(crate) async fn ask_afresh<'a>(
        &self,
        parts: &Parts,
        body: impl IntoIterator<Item = &'a [u8]>,
    ) -> Answer {
        self.store.reset(&self.log).await;
        self.ask(parts, body).await
    }

    /// The response to a request that changes nothing.
    pub(crate) async fn ask_once(&self, parts: &Parts) -> Answer {
        if self.store.is_new() {
            self.store.reset(&self.log).await;
        }
        self.ask(parts, []).await
    }

    async fn ask<'a>(&self, parts: &Parts, body: impl IntoIterator<Item = &'a [u8]>) -> Answer {
        let pieces: Vec<_> = body.into_iter().map(|p| Ok::<_, axum::Error>(p.to_vec())).collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let request = Request::from_parts(parts.clone(), body);
        let response = self.router.clone().oneshot(request).await.unwrap_or_else(|e| match e {});
        let (mut parts, body) = response.into_parts();
        assert!(parts.headers.remove("x-request-id").is_some());
        let body = to_bytes(body, usize::MAX).await.expect("an answer comes to its end");
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

fn parse(data: &[u8]) -> Option<(Parts, &[u8])> {
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&data[..end], &data[end + 2..]),
        None => (data, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let space = first.iter().position(|byte| *byte == b' ')?;
    let method = Method::from_bytes(&first[..space]).ok()?;
    let uri = Uri::try_from(&first[space + 1..]).ok()?;
    let (mut parts, ()) = Request::builder().method(method).uri(uri).body(()).ok()?.into_parts();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        parts.headers.append(name, value);
    }
    Some((parts, body))
}

/// Whether two responses to the same request may differ because they contain the time.
fn varies(parts: &Parts) -> bool {
    parts.uri.path() == "/metrics" || parts.uri.path().ends_with("/logs/rejected")
}

pub(crate) fn check(parts: &Parts, answer: &Answer) {
    let Answer { status, headers, body } = answer;
    // As Spark does: only a running application could answer this.
    let is_of_threads =
        *status == StatusCode::SERVICE_UNAVAILABLE && body.starts_with(b"Thread dumps");
    assert!(
        !status.is_server_error() || is_of_threads,
        "{status}: {}",
        String::from_utf8_lossy(body)
    );
    let media = headers.get(header::CONTENT_TYPE).map_or("", |v| v.to_str().unwrap_or("?"));
    if *status == StatusCode::METHOD_NOT_ALLOWED {
        assert!(headers.contains_key(header::ALLOW));
    }
    if parts.method == Method::HEAD || parts.method == Method::OPTIONS {
        return;
    }
    let of_spark = parts.uri.path().starts_with("/api/v1/applications");
    if status.is_client_error() && !(of_spark && media == "text/plain") {
        assert_eq!(media, "application/problem+json");
        let problem: Value = serde_json::from_slice(body).expect("a problem is JSON");
        assert_eq!(problem["status"].as_u64(), Some(status.as_u16().into()));
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()));
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    if media == "application/json" {
        serde_json::from_slice::<Value>(body).expect("JSON is JSON");
    }
}

/// Events that are sent again are duplicates; a repeated query has the same response.
fn check_repeated(parts: &Parts, first: &Answer, again: &Answer) {
    assert_eq!(again.status, first.status);
    if parts.method != Method::POST {
        return assert!(varies(parts) || again == first);
    }
    if first.status != StatusCode::OK {
        return;
    }
    let json = |answer: &Answer| serde_json::from_slice::<Value>(&answer.body).expect("JSON");
    let (first, again) = (json(first), json(again));
    if parts.uri.path().ends_with("/ingest") {
        assert_eq!(again["log_id"], first["log_id"]);
        assert_eq!(again["outcome"], "duplicate");
    } else {
        assert_eq!((&again["recorded"], &again["replaced"]), (&0.into(), &0.into()));
        assert_eq!(again["rejected"], first["rejected"]);
        let sum = |of: &Value| {
            ["recorded", "duplicate", "replaced"]
                .map(|n| of[n].as_u64())
                .iter()
                .flatten()
                .sum::<u64>()
        };
        assert_eq!(sum(&again), sum(&first));
    }
}
