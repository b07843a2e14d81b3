//! Webhooks: notices as the body of a POST.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asofdb::{Error, Result};
use ureq::Agent;
use ureq::http::{HeaderName, HeaderValue, Uri, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::format::Format;
use super::notice::Notice;
use super::refusal::Refusal;

/// Most of an answer that is read, to say what was wrong.
const ANSWER_BYTES_MAX: u64 = 300;

/// The longest time that a target can ask for before the next delivery.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// The parts of a webhook, as they are configured.
#[derive(Default)]
pub(super) struct WebhookParts {
    pub(super) url: String,
    pub(super) format: Option<Format>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    /// A file with certificates of authorities that are trusted beside those of the system.
    pub(super) ca_file: Option<String>,
}

/// A webhook. Its address and headers are often secrets, and are never printed.
pub(super) struct Webhook {
    agent: Agent,
    url: String,
    format: Format,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("format", &self.format).finish_non_exhaustive()
    }
}

impl Webhook {
    /// Makes a webhook of its parts.
    ///
    /// # Errors
    /// `Invalid` when the address is none, or the file has no certificates; `NotFound` or `Unavailable` when it cannot
    /// be read, or nobody's certificates are trusted.
    pub(super) fn new(parts: WebhookParts) -> Result<Self> {
        let rule = || Error::invalid("url is an address that begins with https:// or http:// and has a host");
        let uri: Uri = parts.url.parse().map_err(|_| rule())?;
        let is_secure = match (uri.scheme_str(), uri.host().is_some_and(|host| !host.is_empty())) {
            (Some("https"), true) => true,
            (Some("http"), true) => false,
            _ => return Err(rule()),
        };
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("asofdb/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(parts.timeout))
            .timeout_connect(Some(parts.connect_timeout))
            .max_idle_connections(0);
        if is_secure {
            config = config.tls_config(tls(parts.ca_file.as_deref())?);
        }
        let (format, headers) = (parts.format.unwrap_or(Format::Json), parts.headers);
        Ok(Webhook { agent: Agent::new_with_config(config.build()), url: parts.url, format, headers })
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Posts notices.
    ///
    /// # Errors
    /// The reason, where the answer is not a success, or there is none in time.
    pub(super) fn deliver(&self, from: &str, notices: &[Notice]) -> Result<(), Refusal> {
        self.post(&self.format.write(from, notices))
    }

    /// Posts a body of JSON.
    ///
    /// # Errors
    /// As [`Webhook::deliver`].
    pub(super) fn post(&self, body: &[u8]) -> Result<(), Refusal> {
        let mut request = self.agent.post(&self.url).header(header::CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(body).map_err(|error| Refusal::new(self.reason(&error)))?;
        if answer.status().is_success() {
            return Ok(());
        }
        let retry_after = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
        let said = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).lossy_utf8(true).read_to_string();
        let reason = match said.unwrap_or_default().trim() {
            "" => format!("it answered {}", answer.status()),
            said => format!("it answered {}: {said}", answer.status()),
        };
        Err(Refusal { reason, retry_after })
    }

    /// The reason for a failure, without the address.
    fn reason(&self, error: &ureq::Error) -> String {
        error.to_string().replace(&self.url, "(the address)")
    }
}

/// What encrypts, and whose certificates are trusted.
fn tls(ca_file: Option<&str>) -> Result<TlsConfig> {
    let mut roots: Vec<Certificate<'static>> = match ca_file {
        Some(path) => authorities(Path::new(path))?,
        None => Vec::new(),
    };
    let native = rustls_native_certs::load_native_certs().certs;
    roots.extend(native.iter().map(|certificate| Certificate::from_der(certificate).to_owned()));
    if roots.is_empty() {
        let message = "the system has no certificates of authorities that https could trust; install ca-certificates, \
                       or name a ca_file";
        return Err(Error::unavailable(message));
    }
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&roots))
        .build())
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format!("ca_file does not exist: {name}")),
        _ => Error::unavailable(format!("ca_file cannot be read: {name}: {error}")).with_source(error),
    })?;
    let certificates: Vec<_> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    match certificates.is_empty() {
        true => Err(Error::invalid(format!("ca_file has no certificates in PEM: {name}"))),
        false => Ok(certificates),
    }
}
