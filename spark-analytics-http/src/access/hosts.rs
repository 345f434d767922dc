//! The names under which the server answers, so that no page can reach it under a name of its own (DNS rebinding).

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use crate::problem::Problem;
use crate::server::host::{self, Host};

/// A name under which clients reach the server, without a port, such as `figures.example`.
///
/// ```
/// use spark_analytics_http::{ApiOptions, HostName, Hosts};
///
/// let name: HostName = "figures.example".parse()?;
/// let options = ApiOptions::default().hosts(Hosts::new([name]));
/// assert!("figures.example:8000".parse::<HostName>().is_err());
/// # Ok::<(), spark_analytics_http::BadHostName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostName(String);

/// The text is not the name of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "not the name of a host; expected a name such as figures.example, without a scheme and without a port"
)]
#[non_exhaustive]
pub struct BadHostName;

impl FromStr for HostName {
    type Err = BadHostName;

    /// # Errors
    /// [`BadHostName`] for any other text.
    fn from_str(text: &str) -> Result<Self, BadHostName> {
        let address = text.parse::<IpAddr>().map(|address| address.to_string());
        match (address, host::parse(text)) {
            (Ok(address), _) => Ok(Self(address)),
            (_, Some(Host { name, has_port: false, .. })) => Ok(Self(name)),
            _ => Err(BadHostName),
        }
    }
}

/// The hosts for which the API answers: loopback names (`localhost` and those that end in `.localhost`), all IP addresses,
/// and the given names. Requests for other hosts are refused with 421.
///
/// The owner of a domain can point its name at any address, such as 127.0.0.1. A page of that domain then has the same
/// origin as a server there, and may read and write whatever needs no token. Under an address no page is another's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Arc<[HostName]>);

impl Hosts {
    /// These names, besides loopback names and addresses.
    pub fn new(names: impl IntoIterator<Item = HostName>) -> Self {
        Self(names.into_iter().collect())
    }

    /// Protects your own router in the same way.
    pub fn guard<S: Clone + Send + Sync + 'static>(&self, router: Router<S>) -> Router<S> {
        router.route_layer(from_fn_with_state(Some(self.clone()), refuse_other_hosts))
    }

    fn has(&self, host: &Host) -> bool {
        host.address.is_some()
            || host.name == "localhost"
            || host.name.ends_with(".localhost")
            || self.0.iter().any(|known| known.0 == host.name)
    }
}

/// Refuses requests for hosts that are not known. Clients other than browsers may name none.
pub(crate) async fn refuse_other_hosts(
    State(hosts): State<Option<Hosts>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(hosts) = hosts else { return next.run(request).await };
    let named = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let named = named.or_else(|| Some(request.headers().get(header::HOST)?.as_bytes()));
    let Some(named) = named.map(String::from_utf8_lossy) else { return next.run(request).await };
    let detail = match host::parse(&named) {
        Some(host) if hosts.has(&host) => return next.run(request).await,
        Some(Host { name, .. }) => format!(
            "this server requires no tokens and therefore does not answer for the host `{name}`, which might be a name \
             that another site has pointed at it: use an IP address or `localhost`, or start the server with \
             `--host {name}` or with tokens"
        ),
        None => "the host of the request is not a valid name or address".to_owned(),
    };
    Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response()
}
