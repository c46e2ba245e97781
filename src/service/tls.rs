//! TLS of TCP listeners: a certificate and its key, read again when their files change.
//!
//! Owns the files and what rustls makes of them. Refuses to fall back: who configured TLS is never served without it. A new pair
//! that cannot be used is told of, and the one before stays.

use arc_swap::ArcSwap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

/// A certificate and its key.
pub(super) struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: ArcSwap<ServerConfig>,
    /// What the files looked like when they were read last.
    read: Mutex<[Stamp; 2]>,
}

fn stamp(path: &Path) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl Tls {
    /// Reads a chain of certificates, the node's own first, and its key: both PEM.
    ///
    /// # Errors
    /// Which file cannot be used, and why, in words.
    pub(super) fn open(certificate: &Path, key: &Path) -> Result<Self, String> {
        let read = [stamp(certificate), stamp(key)];
        Ok(Self {
            config: ArcSwap::from_pointee(config(certificate, key)?),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            read: Mutex::new(read),
        })
    }

    /// Goes over to what the files hold now, where they have changed.
    pub(super) fn look(&self) {
        let now = [stamp(&self.certificate), stamp(&self.key)];
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if *read == now {
            return;
        }
        *read = now;
        match config(&self.certificate, &self.key) {
            Ok(config) => {
                self.config.store(Arc::new(config));
                tracing::info!("the certificate was read again");
            }
            // A pair that is half replaced is read again when the other half comes.
            Err(problem) => tracing::warn!("the certificate in force stays: {problem}"),
        }
    }

    /// What takes connections with the certificate in force.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }
}

fn config(certificate: &Path, key: &Path) -> Result<ServerConfig, String> {
    let unusable =
        |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(certificate, &error))?;
    if chain.is_empty() {
        return Err(unusable(
            certificate,
            &"there is no certificate in it (PEM)",
        ));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|config| config.with_no_client_auth())
        .and_then(|config| config.with_single_cert(chain, private));
    let mut config = config.map_err(|error| {
        format!(
            "{} and {} do not go together: {error}",
            certificate.display(),
            key.display()
        )
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
