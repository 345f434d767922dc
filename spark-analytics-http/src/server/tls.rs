//! TLS for [`serve_tls`](crate::serve_tls).

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Maximum memory that rustls holds during a handshake.
pub(crate) const HANDSHAKE_BYTES: usize = 64 * 1024;
/// Maximum memory that it holds of a response that the client does not read.
const WRITE_BYTES: usize = 16 * 1024;

/// A certificate and its key, for TLS 1.3 and 1.2. Clones share them.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

/// Why a certificate and a key cannot be used. It never contains any of their contents.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BadTls {
    /// There is no valid certificate.
    #[error(
        "the certificate cannot be read: it must be PEM, with the server's certificate first, then its chain"
    )]
    Certificate,
    /// There is no valid key.
    #[error("the key cannot be read: it must be unencrypted PEM")]
    Key,
    /// rustls rejects them, for example because the key belongs to another certificate.
    #[error("the certificate and key cannot be used: {0}")]
    Pair(#[source] rustls::Error),
}

impl Tls {
    /// Reads a certificate with its chain, and its key in PKCS #8, PKCS #1 or SEC1, from PEM.
    ///
    /// # Errors
    /// [`BadTls`] if one of them cannot be read, or the key is not that of the certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, BadTls> {
        Ok(Self(Arc::new(RwLock::new(config(certificates, key)?))))
    }

    /// Replaces the certificate and the key for all connections accepted from now on.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem); the previous ones then stay in use.
    pub fn replace(&self, certificates: &[u8], key: &[u8]) -> Result<(), BadTls> {
        let config = config(certificates, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Performs the handshake, without a timeout.
    pub(crate) fn accept(
        &self,
        stream: TcpStream,
    ) -> impl Future<Output = io::Result<TlsStream<TcpStream>>> + Send + use<> {
        let config = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config)
            .accept_with(stream, |connection| connection.set_buffer_limit(Some(WRITE_BYTES)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn config(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, BadTls> {
    let certificates = CertificateDer::pem_slice_iter(certificates).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.ok().filter(|certificates| !certificates.is_empty());
    let certificates = certificates.ok_or(BadTls::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| BadTls::Key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(BadTls::Pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
