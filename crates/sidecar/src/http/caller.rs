//! The caller of a request, as its head tells.

use std::sync::Arc;

use asofdb::check_model_name;
use asofdb_protocol::Role;
use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;

use super::door::Door;
use super::failure::Failure;
use super::peer::Peer;
use crate::admission::Caller;

/// The header in which a consumer names itself.
const CONSUMER_HEADER: &str = "x-asof-consumer";

/// The header in which it names the version of a model that it reads for.
const MODEL_HEADER: &str = "x-asof-model";

/// The consumer of a caller over TCP that gives no name.
const HTTP_CONSUMER: &str = "http";

impl FromRequestParts<Arc<Door>> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, door: &Arc<Door>) -> Result<Self, Failure> {
        let peer = parts.extensions.get::<Peer>().copied().unwrap_or(Peer::Remote);
        // Only the gate gives roles: without it nobody may do anything.
        let role = parts.extensions.get::<Role>().copied();
        let role = role.ok_or_else(|| Failure::forbidden("the request did not come through the gate"))?;
        let name = header(parts, CONSUMER_HEADER, "X-Asof-Consumer")?;
        let name = name.or((peer == Peer::Remote).then_some(HTTP_CONSUMER));
        let model = header(parts, MODEL_HEADER, "X-Asof-Model")?;
        model.map_or(Ok(()), check_model_name)?;
        let (consumer, model) = (door.service.consumers.get(name, peer.uid())?, model.map(str::to_owned));
        Ok(Caller { consumer, model, role, uid: peer.uid() })
    }
}

fn header<'p>(parts: &'p Parts, name: &str, shown: &str) -> Result<Option<&'p str>, Failure> {
    let text = parts.headers.get(name).map(HeaderValue::to_str).transpose();
    text.map_err(|_| Failure::invalid(format!("the header {shown} is no visible ASCII")))
}
