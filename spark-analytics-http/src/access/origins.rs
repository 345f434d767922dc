//! CORS: cross-origin requests are refused except from the configured origins.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::problem::Problem;
use crate::request::REQUEST_ID;

/// An origin whose pages may call the API from a browser, as browsers write it: `https://HOST` or
/// `https://HOST:PORT`.
///
/// ```
/// use spark_analytics_http::{ApiOptions, Origin};
///
/// let options = ApiOptions::default().origins(["https://figures.example".parse()?]);
/// assert!("https://figures.example/".parse::<Origin>().is_err());
/// # Ok::<(), spark_analytics_http::BadOrigin>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin(HeaderValue);

/// The text is not an origin as browsers write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "not an origin; expected https://HOST or https://HOST:PORT, in lower case, without a trailing slash and without \
     the default port"
)]
#[non_exhaustive]
pub struct BadOrigin;

impl FromStr for Origin {
    type Err = BadOrigin;

    /// # Errors
    /// [`BadOrigin`] for any other text.
    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let uri: Uri = text.parse().map_err(|_| BadOrigin)?;
        let (scheme, default_port) = match uri.scheme_str() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            _ => return Err(BadOrigin),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(BadOrigin)?;
        let port = uri.port_u16().filter(|port| *port != default_port);
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        let named = format!("{scheme}://{}{port}", host.to_ascii_lowercase());
        if named != text {
            return Err(BadOrigin);
        }
        HeaderValue::try_from(named).map(Self).map_err(|_| BadOrigin)
    }
}

/// Tells browsers which origins may call the API and read its responses.
pub(crate) fn cors(origins: &[Origin]) -> CorsLayer {
    let origins = origins.iter().map(|origin| origin.0.clone());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::CONTENT_ENCODING,
            REQUEST_ID,
        ])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE, REQUEST_ID])
        .max_age(Duration::from_secs(600))
}

/// Refuses writes from other origins. A browser sends simple POST requests of any page to any address, and CORS only
/// hides the responses.
pub(crate) async fn refuse_cross_origin(
    State(origins): State<Vec<Origin>>,
    request: Request,
    next: Next,
) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || is_allowed(request.headers(), &origins) {
        return next.run(request).await;
    }
    let detail = "cross-origin request refused: this origin is not allowed. Add it to the allowed origins; if the \
        page is served by this server, make the proxy forward `Host`";
    Problem::new(StatusCode::FORBIDDEN, detail).into_response()
}

/// Whether a request does not come from a browser, or comes from a page of this server or of an allowed origin.
fn is_allowed(headers: &HeaderMap, origins: &[Origin]) -> bool {
    let origin = headers.get(header::ORIGIN);
    if origin.is_some_and(|origin| origins.iter().any(|named| named.0 == *origin)) {
        return true;
    }
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin" || site == "none",
        // Browsers that do not send the site do send the origin.
        None => origin.is_none_or(|origin| is_same_host(origin, headers.get(header::HOST))),
    }
}

fn is_same_host(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), host.map(HeaderValue::to_str)) else {
        return false;
    };
    origin.split_once("://").is_some_and(|(_, of_origin)| of_origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn an_origin_is_accepted_only_as_browsers_send_it() {
        for origin in [
            "https://a.example",
            "http://a.example:8080",
            "http://[::1]:3000",
            "https://a.example:80",
        ] {
            assert_eq!(origin.parse(), Ok(Origin(HeaderValue::from_str(origin).unwrap())));
        }
        for text in [
            "https://a.example/",
            "https://a.example/x",
            "https://a.example?x",
            "https://A.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://a.example:",
            "https://a.example:x",
            "https://a.example:099",
            "https://ada@a.example",
            "HTTPS://a.example",
            "https://",
            "*",
            "null",
            "",
            "a.example",
            "a.example:80",
            "file:///a",
            "ftp://a.example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(BadOrigin), "{text}");
        }
    }

    #[test]
    fn a_cross_origin_request_is_recognised_by_its_headers() {
        let named = ["https://named.example".parse().unwrap()];
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
            let map: HeaderMap =
                headers.iter().copied().chain([("host", "localhost:8000")]).map(of).collect();
            assert_eq!(is_allowed(&map, &named), is_ours, "{headers:?}");
        }
    }
}
