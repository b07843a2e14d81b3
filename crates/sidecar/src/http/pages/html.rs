//! Answers that are pages.

use std::sync::Arc;

use asofdb::{Error, ErrorKind, Timestamp};
use asofdb_platform::pages::{Frame, POLICY, Page, failure as failure_page, login as login_page};
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::super::door::Door;
use super::super::failure::Failure;
use super::login::{is_by_cookie, session_token};
use crate::admission::Answer;
use crate::budget::{Budget, Held};

/// Headers of each page: what it may load, and that nobody keeps it, frames it or learns where its links come from.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Gives a response the headers of a page.
fn dress(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
}

/// The visitor of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visitor {
    frame: Frame,
}

impl FromRequestParts<Arc<Door>> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Failure> {
        let has_session = door.options.token.is_some() && is_by_cookie(&parts.headers);
        Ok(Visitor { frame: Frame { has_session } })
    }
}

/// A page as it is sent. Its memory counts in the door's budget until the last of it is sent.
pub(super) struct HtmlReply(Bytes);

/// The text of a page with the memory that it holds.
struct HeldText {
    text: String,
    _held: Held<Arc<Budget>>,
}

impl AsRef<[u8]> for HeldText {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl HtmlReply {
    /// A page for a visitor.
    ///
    /// # Errors
    /// `Invalid` for a longer page than an answer may be; `Unavailable` when the door holds too much already.
    pub(super) fn of(door: &Door, visitor: Visitor, page: &Page) -> Result<Self, Failure> {
        let text = page.render(visitor.frame);
        let most = door.options.answer_bytes_max;
        if text.len() > most {
            return Err(Failure::invalid(format!("an answer has at most {most} bytes; this page has {}", text.len())));
        }
        let mut held = Held::new(door.budget.clone());
        held.resize(text.capacity())?;
        Ok(HtmlReply(Bytes::from_owner(HeldText { text, _held: held })))
    }
}

impl Answer for HtmlReply {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl IntoResponse for HtmlReply {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        dress(response.headers_mut());
        response
    }
}

/// What somebody has mistyped is said beside the form; other failures have a page of their own.
pub(super) fn in_page<T>(read: asofdb::Result<T>) -> Result<asofdb::Result<T>, Failure> {
    match read {
        Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) => Ok(Err(error)),
        read => Ok(Ok(read?)),
    }
}

/// A moment as people write it into a form; nothing is now.
pub(super) fn moment(name: &str, text: &str, now: Timestamp) -> asofdb::Result<Timestamp> {
    match text.trim() {
        "" | "now" => Ok(now),
        text => text.parse().map_err(|error: Error| Error::invalid(format!("{name}: {}", error.message()))),
    }
}

/// A small page that holds no memory to speak of.
pub(super) fn small(status: StatusCode, page: &Page) -> Response {
    let mut response = (status, page.render(Frame::default())).into_response();
    dress(response.headers_mut());
    response
}

/// Gives a response the body of a page that says why there is no other.
pub(in super::super) fn failure(response: &mut Response, message: &str, asked: &Uri, headers: &HeaderMap) {
    let address = asked.path_and_query().map_or("/", |address| address.as_str());
    let status = response.status();
    let page = match status {
        StatusCode::UNAUTHORIZED => {
            let refusal = session_token(headers).map(|_| "The token has changed since you logged in.");
            login_page(address, refusal)
        }
        // A click on a page of this site is no longer a request of another.
        StatusCode::FORBIDDEN => failure_page(status.as_u16(), message, Some(address)),
        _ => failure_page(status.as_u16(), message, None),
    };
    dress(response.headers_mut());
    *response.body_mut() = Body::from(page.render(Frame::default()));
}
