//! The flags for TLS.

use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "tls")]
pub(crate) use built_in::TlsFiles;
#[cfg(not(feature = "tls"))]
pub(crate) use not_built_in::TlsFiles;

/// Where certificate and key are.
#[derive(Args, Debug)]
pub(crate) struct TlsArgs {
    /// The certificate to serve HTTPS with, in PEM, and after it those that lead to its root. It is read again at
    /// SIGHUP.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Reads certificate and key, if they are given.
    ///
    /// # Errors
    /// When they cannot be read, do not belong together, or this build lacks TLS.
    pub(crate) fn open(self) -> anyhow::Result<Option<TlsFiles>> {
        let Self { tls_cert: Some(certificate), tls_key: Some(key) } = self else {
            return Ok(None);
        };
        TlsFiles::open(certificate, key).map(Some)
    }
}

#[cfg(not(feature = "tls"))]
mod not_built_in {
    use std::path::PathBuf;

    /// What this build lacks.
    #[derive(Clone, Debug)]
    #[allow(missing_copy_implementations, reason = "the one with TLS is not Copy")]
    pub(crate) enum TlsFiles {}

    impl TlsFiles {
        pub(crate) fn open(_certificate: PathBuf, _key: PathBuf) -> anyhow::Result<Self> {
            anyhow::bail!(crate::flags::missing_feature("--tls-cert", "tls"))
        }

        pub(crate) const fn reload(&self) {
            match *self {}
        }
    }
}

#[cfg(feature = "tls")]
mod built_in {
    use std::fs;
    use std::path::{Path, PathBuf};

    use anyhow::Context;
    use spark_analytics_http::Tls;

    /// A certificate and its key with the files that they are from.
    #[derive(Clone, Debug)]
    pub(crate) struct TlsFiles {
        certificate: PathBuf,
        key: PathBuf,
        /// With which to serve.
        pub(crate) tls: Tls,
    }

    impl TlsFiles {
        pub(crate) fn open(certificate: PathBuf, key: PathBuf) -> anyhow::Result<Self> {
            let tls = Tls::from_pem(&read(&certificate)?, &read(&key)?)
                .with_context(|| wrong(&certificate, &key))?;
            Ok(Self { certificate, key, tls })
        }

        /// Takes what the files say now; if something is wrong with them, the former certificate stays.
        pub(crate) fn reload(&self) {
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
}
