//! Posts of JSON to one address.

use std::time::Duration;

use asofdb::{Error, Result};

use super::webhook::{Webhook, WebhookParts};

/// An address that takes JSON, by HTTP or HTTPS.
#[derive(Debug)]
pub struct JsonPost(Webhook);

impl JsonPost {
    /// An address, and the longest time that one post may take.
    ///
    /// # Errors
    /// `Invalid` for what is no address of HTTP or HTTPS; `Unavailable` when nobody's certificates are trusted.
    pub fn new(url: &str, timeout: Duration) -> Result<Self> {
        let parts = WebhookParts { url: url.to_owned(), timeout, connect_timeout: timeout, ..WebhookParts::default() };
        Webhook::new(parts).map(JsonPost)
    }

    /// Posts a body.
    ///
    /// # Errors
    /// `Unavailable` with the reason, where the answer is not a success or there is none in time.
    pub fn send(&self, body: &[u8]) -> Result<()> {
        self.0.post(body).map_err(|refusal| Error::unavailable(refusal.reason))
    }
}
