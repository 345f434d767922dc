//! The URL of a broker, and its form without the password.

use std::fmt;
use std::str::FromStr;

use lapin::uri::AMQPUri;
use url::Url;

/// The URL of a broker, `amqp://USER:PASSWORD@HOST:PORT/VHOST` or `amqps://…`. `Display` and `Debug` leave
/// out the password.
#[derive(Clone)]
pub struct AmqpUrl {
    pub(crate) uri: AMQPUri,
    shown: String,
}

/// Interval of heartbeats in seconds. A connection that misses two counts as lost.
const HEARTBEAT: u16 = 10;

impl FromStr for AmqpUrl {
    type Err = String;

    /// # Errors
    /// A message for the user. It does not quote the URL, which may hold a password.
    fn from_str(url: &str) -> Result<Self, String> {
        // The errors of the parsers may quote the URL, with its password.
        const WRONG: &str = "not an AMQP URL; use amqp://USER:PASSWORD@HOST:PORT/VHOST";
        let mut uri: AMQPUri = url.parse().map_err(|_| WRONG)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        let mut shown = Url::parse(url).map_err(|_| WRONG)?;
        // This fails only for URLs that cannot have a password.
        let _ = shown.set_password(None);
        shown.set_query(None);
        Ok(Self { uri, shown: shown.into() })
    }
}

impl fmt::Display for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for AmqpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AmqpUrl").field(&self.shown).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        let url: AmqpUrl = "amqp://ada:secret@host:5673/%2f?heartbeat=5".parse().unwrap();
        assert_eq!(url.to_string(), "amqp://ada@host:5673/%2f");
        assert!(!format!("{url:?}").contains("secret"));
        assert_eq!((url.uri.vhost.as_str(), url.uri.query.heartbeat), ("/", Some(5)));
    }

    #[test]
    fn an_invalid_url_is_refused_without_being_shown() {
        for url in ["", "ada:secret@host", "http://ada:secret@host", "amqp://ada:secret@host:port"]
        {
            let error = url.parse::<AmqpUrl>().unwrap_err();
            assert!(error.contains("use amqp://USER"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
