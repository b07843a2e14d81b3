//! The caller of a request, as its head tells.

use std::sync::Arc;

use asofdb_protocol::Role;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::door::Door;
use super::failure::Failure;
use super::peer::Peer;
use crate::admission::Caller;

/// The header in which a consumer names itself.
const CONSUMER_HEADER: &str = "x-asof-consumer";

/// The consumer of a caller over TCP that gives no name.
const HTTP_CONSUMER: &str = "http";

impl FromRequestParts<Arc<Door>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Failure> {
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(Peer::Remote);
        // Only the gate gives roles: without it nobody may do anything.
        let role = parts.extensions.get::<Role>().copied();
        let role = role.ok_or_else(|| Failure::forbidden("the request did not come through the gate"))?;
        let name = match parts.headers.get(CONSUMER_HEADER) {
            Some(name) => {
                Some(name.to_str().map_err(|_| Failure::invalid("the header X-Asof-Consumer is no visible ASCII"))?)
            }
            None => None,
        };
        let name = name.or((peer == Peer::Remote).then_some(HTTP_CONSUMER));
        Ok(Caller { consumer: door.service.consumers.get(name, peer.uid())?, role, uid: peer.uid() })
    }
}
