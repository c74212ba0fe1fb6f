//! TLS to servers of others: whose certificates are believed, and in words why one is not.

use rustls::{
    CertificateError, ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{
    env, fmt, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Where systems keep the authorities that they trust: Debian, Fedora, openSUSE, Alpine.
const OF_SYSTEMS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Another place, as OpenSSL has it.
const PLACE: &str = "SSL_CERT_FILE";

/// Authorities whose certificates are believed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Authorities(Arc<[CertificateDer<'static>]>);

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.0.len())
    }
}

impl Authorities {
    /// Those of the system; none where it has none. They are read once: what is confined later
    /// does not reach them.
    pub fn of_system() -> Self {
        static READ: OnceLock<Authorities> = OnceLock::new();
        let read = || {
            let named = env::var_os(PLACE).map(PathBuf::from);
            let mut known = OF_SYSTEMS.iter().map(PathBuf::from);
            let path = named.or_else(|| known.find(|path| path.is_file()))?;
            // One that cannot be read keeps nobody from the others.
            let text = fs::read(path).ok()?;
            Some(Self(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect()))
        };
        READ.get_or_init(|| read().unwrap_or_default()).clone()
    }

    /// Those of a file: certificates as PEM.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_file(path: &Path) -> Result<Self, String> {
        let text = fs::read(path).map_err(|error| error.to_string())?;
        let read: Result<Arc<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let authorities = read.ok().filter(|read| !read.is_empty()).map(Self);
        authorities
            .filter(|authorities| authorities.roots().len() == authorities.0.len())
            .ok_or_else(|| "it must hold certificates, as PEM, and nothing else".into())
    }

    /// Whether nobody is believed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.0.iter().cloned());
        roots
    }

    /// Begins TLS with the server of this name.
    ///
    /// # Errors
    /// What the stream gives, or why the server is not believed: see [`sentence`].
    pub fn begin<S: Read + Write>(
        &self,
        mut stream: S,
        host: &str,
    ) -> io::Result<StreamOwned<ClientConnection, S>> {
        let host = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        let mut connection =
            ClientConnection::new(Arc::new(config), host).map_err(io::Error::other)?;
        connection.complete_io(&mut stream)?;
        Ok(StreamOwned::new(connection, stream))
    }

    /// The same for HTTP.
    pub fn for_http(&self) -> TlsConfig {
        let roots = self.0.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
        TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots.collect())))
            .unversioned_rustls_crypto_provider(provider())
            .build()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What went wrong with a server, in words.
pub fn sentence(error: &io::Error) -> String {
    let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (of_tls, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(why)), _) => of_certificate(why),
        (Some(rustls::Error::InvalidMessage(_)), _) => "it does not answer by TLS".into(),
        (Some(why), _) => format!("no TLS: {why}"),
        (None, io::ErrorKind::UnexpectedEof) => "it hung up".into(),
        (None, _) => error.to_string(),
    }
}

fn of_certificate(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => {
            "its certificate is of an authority that is not trusted here: ca_file can name it"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is not for this name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is the clock of this host right?"
        }
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is an authority's own: it needs one that the authority has signed"
        }
        other => return format!("its certificate is refused: {other}"),
    }
    .into()
}

#[cfg(test)]
mod tests;
