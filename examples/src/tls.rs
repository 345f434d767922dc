//! The flags for TLS.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use spark_analytics_http::Tls;

/// Where certificate and key are.
#[derive(Args, Debug)]
pub struct TlsArgs {
    /// The certificate to serve HTTPS with, in PEM, and after it those that lead to its root. It is read again at
    /// SIGHUP.
    #[arg(long, env = "SPARK_ANALYTICS_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(long, env = "SPARK_ANALYTICS_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// A certificate and its key with the files that they are from.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    certificate: PathBuf,
    key: PathBuf,
    /// With which to serve.
    pub tls: Tls,
}

impl TlsArgs {
    /// Reads certificate and key, if they are given.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub fn open(self) -> anyhow::Result<Option<TlsFiles>> {
        let Self { tls_cert: Some(certificate), tls_key: Some(key) } = self else {
            return Ok(None);
        };
        let tls = Tls::from_pem(&read(&certificate)?, &read(&key)?)
            .with_context(|| wrong(&certificate, &key))?;
        Ok(Some(TlsFiles { certificate, key, tls }))
    }
}

impl TlsFiles {
    /// Takes what the files say now; if something is wrong with them, the former certificate stays.
    pub fn reload(&self) {
        let Self { certificate, key, tls } = self;
        let replaced = read(certificate).and_then(|of_certificate| {
            tls.replace(&of_certificate, &read(key)?).with_context(|| wrong(certificate, key))
        });
        match replaced {
            Ok(()) => {
                tracing::info!(file = %certificate.display(), "the certificate was read again");
            }
            Err(error) => tracing::error!("{error:#}; the former certificate stays"),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn wrong(certificate: &Path, key: &Path) -> String {
    format!("cannot serve with {} and {}", certificate.display(), key.display())
}
