//! One request with an event, and the meaning of its response.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use ureq::http::{HeaderValue, Response, StatusCode, Uri, header};
use ureq::{Agent, Body, Error};

use crate::commands::texts::Text;

#[cfg(feature = "tls")]
mod trust;

/// The outcome of a request.
pub(crate) enum Answer {
    Recorded,
    Duplicate,
    Replaced,
    /// A queue has the event.
    Queued,
    /// The event is invalid.
    Rejected(String),
    /// Another error, which a repeated request would not cure.
    Failed(String),
    /// An error of every event.
    Hopeless(String),
    /// The server is busy or does not answer.
    Again {
        after: Option<Duration>,
        reason: String,
    },
}

/// A server, by the whole URL that events are posted to.
pub(crate) struct Server {
    agent: Agent,
    url: String,
    token: Option<Token>,
}

/// The value of the header that authorises a request. It is never printed.
#[derive(Clone)]
pub(crate) struct Token(HeaderValue);

impl Token {
    /// From its text, which errors do not show.
    pub(crate) fn new(text: &str) -> anyhow::Result<Self> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("a token is one word of printable ASCII characters");
        }
        let mut value = HeaderValue::try_from(format!("Bearer {text}"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// From the first line of a file.
    pub(crate) fn of_file(path: &Path) -> anyhow::Result<Self> {
        let mut line = String::new();
        File::open(path)
            .and_then(|file| BufReader::new(file.take(LONGEST_TOKEN)).read_line(&mut line))
            .map_err(Into::into)
            .and_then(|_| Self::new(line.trim()))
            .with_context(|| format!("cannot read the token in {}", path.display()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

const LONGEST_REQUEST: Duration = Duration::from_secs(60);
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
const LONGEST_ANSWER: u64 = 64 << 10;
const LONGEST_TOKEN: u64 = 4 << 10;

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnswerBody {
    outcome: String,
    message: String,
    detail: String,
}

impl Server {
    /// The server at a URL. For HTTPS it trusts the authorities of the system, and those in a PEM file.
    ///
    /// # Errors
    /// If the file cannot be read or has no certificate.
    pub(crate) fn new(
        url: String,
        token: Option<Token>,
        authorities: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let config = Agent::config_builder();
        #[cfg(feature = "tls")]
        let config = config.tls_config(trust::config(authorities)?);
        #[cfg(not(feature = "tls"))]
        if authorities.is_some() {
            bail!(crate::flags::missing_feature("--ca-cert", "tls"));
        }
        let config = config
            .http_status_as_error(false)
            .timeout_global(Some(LONGEST_REQUEST))
            .timeout_connect(Some(LONGEST_CONNECT))
            .max_idle_connections(256)
            .max_idle_connections_per_host(256)
            .build();
        Ok(Self { agent: config.into(), url, token })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn post(&self, text: &Text) -> Answer {
        if let Some(error) = text.too_large() {
            return Answer::Rejected(error.to_string());
        }
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(Token(value)) = &self.token {
            request = request.header(header::AUTHORIZATION, value);
        }
        match request.send(&text.head[..]) {
            Ok(response) => meaning(response),
            Err(error) => {
                let reason = error.to_string();
                match error {
                    // An invalid certificate.
                    Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                        Answer::Hopeless(reason)
                    }
                    Error::Io(_) | Error::Timeout(_) | Error::ConnectionFailed => {
                        Answer::Again { after: None, reason }
                    }
                    Error::Protocol(_) => Answer::Again { after: None, reason },
                    _ => Answer::Failed(reason),
                }
            }
        }
    }
}

/// Whether requests can go to a URL.
pub(crate) fn is_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        matches!((uri.scheme_str(), uri.host()), (Some("http" | "https"), Some(_)))
    })
}

fn meaning(mut response: Response<Body>) -> Answer {
    let status = response.status();
    let retry_after = response.headers().get(header::RETRY_AFTER);
    let after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
    let body = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_string();
    if status.is_success()
        && let Err(error) = &body
    {
        return Answer::Again { after: None, reason: error.to_string() };
    }
    let body: AnswerBody = serde_json::from_str(&body.unwrap_or_default()).unwrap_or_default();
    let reason =
        if body.detail.is_empty() { format!("the server answered {status}") } else { body.detail };
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            Answer::Again { after: after.map(Duration::from_secs), reason }
        }
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => Answer::Rejected(reason),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Answer::Hopeless(reason),
        StatusCode::ACCEPTED => Answer::Queued,
        status if status.is_success() => match body.outcome.as_str() {
            "replaced" => Answer::Replaced,
            "duplicate" => Answer::Duplicate,
            // Older servers say so in the message only.
            "" if body.message.contains("already exists") => Answer::Duplicate,
            "" if body.message.is_empty() => {
                Answer::Failed("the response does not come from an ingest URL".to_owned())
            }
            _ => Answer::Recorded,
        },
        _ => Answer::Failed(reason),
    }
}
