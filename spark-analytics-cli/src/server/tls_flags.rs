//! Flags for TLS.

use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "tls")]
pub(crate) use built_in::TlsFiles;
#[cfg(not(feature = "tls"))]
pub(crate) use not_built_in::TlsFiles;

/// The files of certificate and key.
#[derive(Args, Debug)]
pub(crate) struct TlsArgs {
    /// A PEM file with the certificate for HTTPS, followed by its intermediate certificates. It is read again on
    /// SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// A PEM file with its private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Reads certificate and key, if they are given.
    ///
    /// # Errors
    /// If they cannot be read or do not belong together, or this build lacks TLS.
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

    /// Has no value: this build lacks TLS.
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

    /// A certificate and its key, and the files that they come from.
    #[derive(Clone, Debug)]
    pub(crate) struct TlsFiles {
        certificate: PathBuf,
        key: PathBuf,
        /// The certificate in force.
        pub(crate) tls: Tls,
    }

    impl TlsFiles {
        pub(crate) fn open(certificate: PathBuf, key: PathBuf) -> anyhow::Result<Self> {
            let tls = Tls::from_pem(&read(&certificate)?, &read(&key)?)
                .with_context(|| wrong(&certificate, &key))?;
            Ok(Self { certificate, key, tls })
        }

        /// Reads the files again; if they are invalid, the former certificate stays in force.
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
