//! Which certificate authorities are trusted.

use std::path::Path;

use anyhow::{Context as _, bail};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Trusts the authorities of the system, or of the file or folder that `SSL_CERT_FILE` or `SSL_CERT_DIR` names, and
/// those in a PEM file. On a system without any, it trusts the public ones.
///
/// # Errors
/// If the file cannot be read or has no certificate.
pub(super) fn config(file: Option<&Path>) -> anyhow::Result<TlsConfig> {
    let system = rustls_native_certs::load_native_certs().certs;
    let mut roots: Vec<_> =
        system.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if let Some(file) = file {
        let name = || format!("cannot read the certificates in {}", file.display());
        let pem = std::fs::read(file).with_context(name)?;
        let before = roots.len();
        for item in parse_pem(&pem) {
            if let PemItem::Certificate(certificate) = item.with_context(name)? {
                roots.push(certificate);
            }
        }
        if roots.len() == before {
            bail!("{} has no certificate: it must be a PEM file", file.display());
        }
    }
    let roots = match roots.is_empty() {
        true => RootCerts::WebPki,
        false => RootCerts::new_with_certs(&roots),
    };
    Ok(TlsConfig::builder().root_certs(roots).build())
}
