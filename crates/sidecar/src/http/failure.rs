//! Failures of requests, and their bodies for our clients and for Feast's.

use std::sync::LazyLock;

use asofdb::{Error, ErrorKind};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};

use super::pages::{self, is_page};
use super::paths::FEAST_PATHS;
use crate::admission::DoorError;
use crate::notices::Notices;

/// Seconds after which a client may come again; what is over a limit now passes soon.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A request that is not answered.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    status: StatusCode,
    kind: ErrorKind,
    message: String,
    /// The exception that Feast's client raises.
    feast_class: &'static str,
}

impl Failure {
    pub(super) fn new(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> Self {
        let feast_class = match kind {
            ErrorKind::NotFound => "FeatureViewNotFoundException",
            _ => "FeastError",
        };
        Failure { status, kind, message: message.into(), feast_class }
    }

    /// The body is not what the route takes.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Failure::new(StatusCode::BAD_REQUEST, ErrorKind::Invalid, message)
    }

    /// The request breaks a rule.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Failure::from(Error::invalid(message))
    }

    /// The caller may not.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Failure::new(StatusCode::FORBIDDEN, ErrorKind::Denied, message)
    }

    /// The door is over a limit.
    pub(super) fn busy(message: impl Into<String>) -> Self {
        Failure::new(StatusCode::SERVICE_UNAVAILABLE, ErrorKind::Unavailable, message)
    }

    /// As another exception of Feast's, and with the status that belongs to it.
    pub(super) fn for_feast(self, status: StatusCode, feast_class: &'static str) -> Self {
        Failure { status, feast_class, ..self }
    }

    fn from_error(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Limited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unavailable | ErrorKind::Closed => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Failure::new(status, error.kind(), format!("{error:#}"))
    }

    fn own_body(&self) -> Json {
        json!({"error": {"kind": self.kind.as_str(), "message": self.message}})
    }

    /// A string that holds JSON: what Feast's client makes its exceptions from.
    fn feast_body(&self) -> Json {
        let detail = json!({"module": "feast.errors", "class": self.feast_class, "message": self.message});
        Json::String(detail.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::from_error(&error)
    }
}

impl DoorError for Failure {
    fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// Has no body yet: [`render`] knows for whom it is.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The lines about requests that failed: a sidecar that is full refuses as many as it is asked.
static FAILURES: LazyLock<Notices> = LazyLock::new(Notices::default);

/// Gives failures the body that the clients of the route expect; people expect a page.
pub(super) async fn render(request: Request, next: Next) -> Response {
    let is_feast = FEAST_PATHS.contains(&request.uri().path());
    let page = is_page(request.uri().path()).then(|| (request.uri().clone(), request.headers().clone()));
    let mut response = next.run(request).await;
    let Some(failure) = response.extensions_mut().remove::<Failure>() else { return response };
    if failure.status.is_server_error()
        && let Some(left_out) = FAILURES.next()
    {
        tracing::warn!(status = failure.status.as_u16(), kind = failure.kind.as_str(), left_out, "request failed");
    }
    let body = if is_feast { failure.feast_body() } else { failure.own_body() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(header::CONTENT_LENGTH);
    if matches!(failure.kind, ErrorKind::Unavailable | ErrorKind::Limited) {
        headers.insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    if failure.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    *response.body_mut() = Body::from(body.to_string());
    if let Some((asked, headers)) = page {
        pages::failure(&mut response, &failure.message, &asked, &headers);
    }
    response
}
