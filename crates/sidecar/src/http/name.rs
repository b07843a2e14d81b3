//! A name in an address.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::failure::Failure;

/// The one parameter of a route's path.
pub(super) struct PathName(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let name: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        match name {
            Ok(Path(name)) => Ok(PathName(name)),
            Err(_) => Err(Failure::malformed("the name in the address is not UTF-8 in percent encoding")),
        }
    }
}
