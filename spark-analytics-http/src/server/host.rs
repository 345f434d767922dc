//! What a request has to say about its host and about the coding of its body (RFC 9112), which the HTTP library leaves
//! to the server.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderValue, StatusCode, Version, header, request};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;

/// A host, without its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// In lower case, without a dot at the end.
    pub(crate) name: String,
    /// The address, if it is not a name.
    pub(crate) address: Option<IpAddr>,
    pub(crate) has_port: bool,
}

/// A host with or without a port, as in the header `Host` (RFC 3986, section 3.2).
pub(crate) fn parse(text: &str) -> Option<Host> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address = IpAddr::from(address.parse::<Ipv6Addr>().ok()?);
        let has_port = !port.is_empty();
        let host = Host { name: address.to_string(), address: Some(address), has_port };
        return (!has_port || is_port(port.strip_prefix(':')?)).then_some(host);
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_valid = !name.is_empty() && is_name(name.as_bytes()) && port.is_none_or(is_port);
    let address = name.parse().ok();
    is_valid.then_some(Host { name, address, has_port: port.is_some() })
}

/// A port may be empty.
fn is_port(text: &str) -> bool {
    text.bytes().all(|digit| digit.is_ascii_digit())
        && (text.is_empty() || text.parse::<u16>().is_ok())
}

/// Whether all bytes are unreserved, percent-encoded, or delimiters that a name may contain.
fn is_name(mut bytes: &[u8]) -> bool {
    loop {
        bytes = match bytes {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            [byte, rest @ ..]
                if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) =>
            {
                rest
            }
            _ => return false,
        };
    }
}

/// Checks the head of a request. The response to a bad one ends the connection, because what follows might be read in
/// another way than its sender meant.
pub(crate) fn check(head: &request::Parts) -> Result<(), Box<Response>> {
    let refuse = |status, detail: &str| {
        let mut response = Problem::new(status, detail).into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        Err(Box::new(response))
    };
    let mut codings = head.headers.get_all(header::TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next() {
        let is_chunked = coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
        if !is_chunked || codings.next().is_some() {
            let detail = "the only transfer coding that this server reads is `chunked`; name a compression in \
                `Content-Encoding`";
            return refuse(StatusCode::NOT_IMPLEMENTED, detail);
        }
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let is_valid = match (hosts.next(), hosts.next()) {
        (None, _) => head.version < Version::HTTP_11,
        (Some(host), None) => host.to_str().is_ok_and(|host| parse(host).is_some()),
        (Some(_), Some(_)) => false,
    };
    let authority = head.uri.authority();
    if !is_valid || authority.is_some_and(|authority| parse(authority.as_str()).is_none()) {
        let detail = "a request must have exactly one valid `Host` header: a name or an address, with or without a port";
        return refuse(StatusCode::BAD_REQUEST, detail);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses_with_or_without_a_port() {
        for (text, name, is_address) in [
            ("x", "x", false),
            ("Figures.Example.", "figures.example", false),
            ("figures.example:8000", "figures.example", false),
            ("figures.example:", "figures.example", false),
            ("a_b%20c", "a_b%20c", false),
            ("127.0.0.1:80", "127.0.0.1", true),
            ("[::1]", "::1", true),
            ("[0:0:0:0:0:0:0:1]:8000", "::1", true),
        ] {
            let host = parse(text).unwrap();
            assert_eq!((host.name.as_str(), host.address.is_some()), (name, is_address), "{text}");
        }
        for text in [
            "",
            ":80",
            ".",
            "a b",
            "a/b",
            "a@b",
            "ada:secret@b",
            "a:b",
            "a:99999",
            "a:1:2",
            "::1",
            "[::1",
            "[x]",
            "[::1]8",
            "a?b",
            "a#b",
            "a,b c",
            "é",
            "%",
            "%2",
            "http://a",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
