//! The page that a browser gets at `/`, and its icon.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

/// Links are relative: the router may be mounted under a path.
const PAGE: &str = concat!(
    r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Spark Analytics</title>
<h1>Spark Analytics</h1>
<p>Figures of Apache Spark jobs, version "#,
    env!("CARGO_PKG_VERSION"),
    r#".</p>
<ul>
<li><a href="docs/">All routes, to read about and to try out</a></li>
<li><a href="api/v1/analytics/jobs?result=failed&amp;order=newest&amp;limit=100">Failed jobs, newest first</a></li>
<li><a href="api/v1/analytics/jobs?order=newest&amp;limit=100">Jobs, newest first</a></li>
<li><a href="api/v1/analytics/summary?from=7d">The last seven days</a></li>
<li><a href="api/v1/analytics/applications">Applications</a></li>
<li><a href="api/v1/applications">Applications, as Spark's History Server lists them</a></li>
<li><a href="ready">Whether the server is ready</a></li>
</ul>
<p>The links lead to JSON. If this server requires tokens, a browser cannot follow those of figures: use
<a href="docs/">the routes</a>, with Authorize.</p>
</html>
"#
);

/// The page has neither scripts nor styles nor images, and other sites may not frame it.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::VARY, "accept"),
];

pub(crate) fn page() -> Response {
    (HEADERS, Html(PAGE)).into_response()
}

/// Whether a client asks for pages, as browsers do: `*/*` is not enough.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
            let is_refused = |part: &str| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
            is_html && !parts.any(is_refused)
        })
}

/// Browsers ask for an icon, of which there is none.
pub(crate) fn no_icon<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let no_icon = async || (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "max-age=86400")]);
    Router::new().route("/favicon.ico", get(no_icon))
}
