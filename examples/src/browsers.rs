//! What pages of other sites may do in a browser: nothing, but those that are named.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

/// A site whose pages may ask: `https://HOST` or `https://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

impl FromStr for Origin {
    type Err = String;

    /// # Errors
    /// A sentence, for what no browser calls an origin.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
        let origin = Url::parse(text).ok().filter(is_web).map(|url| url.origin());
        match origin.map(|origin| origin.ascii_serialization()) {
            Some(origin) if origin == text => {
                HeaderValue::try_from(origin).map(Self).map_err(|error| error.to_string())
            }
            Some(origin) => Err(format!("browsers call it {origin}")),
            None => Err("an origin is https://HOST or https://HOST:PORT".to_owned()),
        }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A router whose answers only pages of these origins may read, and its own, and which only they may ask to change
/// something.
pub fn guard_from_pages(router: Router, origins: Vec<Origin>) -> Router {
    let origins: Arc<[HeaderValue]> = origins.into_iter().map(|origin| origin.0).collect();
    let allowed = Arc::clone(&origins);
    let router = router
        .layer(from_fn(move |request, next| refuse_strangers(Arc::clone(&allowed), request, next)));
    if origins.is_empty() {
        return router;
    }
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            REQUEST_ID,
        ])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE, REQUEST_ID])
        .max_age(Duration::from_secs(600));
    router.layer(cors)
}

/// A browser sends simple posts to any address for any page, and only keeps their answers from it.
async fn refuse_strangers(origins: Arc<[HeaderValue]>, request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || is_own(request.headers(), &origins) {
        return next.run(request).await;
    }
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "a page of another site asks for this, and --cors-origin does not name it",
    });
    let media = [(header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::FORBIDDEN, media, problem.to_string()).into_response()
}

/// Whether a request is no browser's, or is of a page of this server or of one of these origins.
fn is_own(headers: &HeaderMap, origins: &[HeaderValue]) -> bool {
    let origin = headers.get(header::ORIGIN);
    if origin.is_some_and(|origin| origins.contains(origin)) {
        return true;
    }
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin" || site == "none",
        // Browsers that do not tell the site do tell the origin.
        None => origin.is_none_or(|origin| is_of_host(origin, headers.get(header::HOST))),
    }
}

fn is_of_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), host.map(HeaderValue::to_str)) else {
        return false;
    };
    origin.split_once("://").is_some_and(|(_, of_origin)| of_origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_taken_as_browsers_send_it_alone() {
        for origin in ["https://a.example", "http://a.example:8080", "http://[::1]:3000"] {
            assert_eq!(origin.parse(), Ok(Origin(HeaderValue::from_str(origin).unwrap())));
        }
        for (text, told) in [
            ("https://a.example/", "browsers call it https://a.example"),
            ("https://A.example:443/x", "browsers call it https://a.example"),
            ("*", "an origin is https://HOST or https://HOST:PORT"),
            ("null", "an origin is https://HOST or https://HOST:PORT"),
            ("a.example", "an origin is https://HOST or https://HOST:PORT"),
            ("file:///a", "an origin is https://HOST or https://HOST:PORT"),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(told.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_request_of_another_sites_page_is_told_by_its_headers() {
        let named = [HeaderValue::from_static("https://named.example")];
        let host = ("host", "localhost:8000");
        for (headers, is_ours) in [
            (vec![], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "cross-site"), ("origin", "https://named.example")], true),
            (vec![("origin", "http://localhost:8000")], true),
            (vec![("origin", "http://localhost:8001")], false),
            (vec![("origin", "https://other.example")], false),
            (vec![("origin", "null")], false),
            (vec![("origin", "https://named.example")], true),
        ] {
            let of = |(name, value): (&'static str, _)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            let map: HeaderMap = headers.iter().copied().chain([host]).map(of).collect();
            assert_eq!(is_own(&map, &named), is_ours, "{headers:?}");
        }
    }
}
