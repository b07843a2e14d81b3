//! The caller of a request, and what it may do.

use std::sync::Arc;

use asofdb_protocol::Role;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::door::Door;
use super::failure::Failure;
use super::peer::Peer;
use crate::consumers::{Consumer, Meter, Operation, Stopwatch};

/// The header in which a consumer names itself.
const CONSUMER_HEADER: &str = "x-asof-consumer";

/// The consumer of a caller over TCP that gives no name.
const HTTP_CONSUMER: &str = "http";

/// The caller of a request that was let in.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    consumer: Arc<Consumer>,
    role: Role,
}

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
        Ok(Caller { consumer: door.service.consumers.get(name, peer.uid())?, role })
    }
}

impl Caller {
    /// Refuses callers of a lesser role.
    pub(super) fn require(&self, role: Role) -> Result<(), Failure> {
        match self.role >= role {
            true => Ok(()),
            false => {
                let what = match role {
                    Role::Reader => "read",
                    Role::Writer => "write",
                    Role::Operator => "erase; only the user who runs the sidecar may, over the Unix socket",
                };
                let message = format!("this caller may not {what}");
                Err(Failure::forbidden(message))
            }
        }
    }

    /// Does the work of one request, and counts it.
    pub(super) fn measured<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut Count<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let watch = Stopwatch::start();
        let mut count = Count { consumer: &self.consumer, operation, admitted: None };
        let outcome = work(&mut count);
        let (meter, rows) = count.admitted.unwrap_or_else(|| (self.consumer.meter(operation, &[]), 0));
        meter.record(rows, outcome.as_ref().map(|_| ()).map_err(Failure::kind), watch.elapsed());
        outcome
    }
}

/// The counters of a request, once it is known which views it is about.
pub(super) struct Count<'a> {
    consumer: &'a Arc<Consumer>,
    operation: Operation,
    admitted: Option<(Meter, usize)>,
}

impl Count<'_> {
    /// Asks the limits for `rows` rows of each view.
    pub(super) fn admit<'v>(&mut self, views: impl IntoIterator<Item = &'v str>, rows: usize) -> Result<(), Failure> {
        let mut names: Vec<&str> = views.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        let meter = self.consumer.meter(self.operation, &names);
        let admitted = meter.admit(rows);
        self.admitted = Some((meter, rows));
        admitted.map_err(Failure::from)
    }
}
