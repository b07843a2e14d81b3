//! A connection's session: its consumer, its role and its handles.

use asofdb::{Error, Result, check_model_name};
use asofdb_protocol::{Hello, MAGIC, PROTOCOL_VERSION, Role, Welcome, decode_message};

use super::bulk::Gathering;
use super::reads::Reads;
use super::shared::Shared;
use crate::access::Peer;
use crate::admission::Caller;
use crate::budget::Held;

/// A connection that has said hello.
pub(super) struct Session<'s> {
    pub(super) caller: Caller,
    pub(super) reads: Reads<'s>,
    pub(super) gathering: Gathering<'s>,
}

impl<'s> Session<'s> {
    /// Answers a hello.
    ///
    /// # Errors
    /// `Invalid` when it is none, or the consumer may not be called so; `Conflict` when there is no version of the
    /// protocol that both speak.
    pub(super) fn open(shared: &'s Shared, peer: Peer, role: Role, body: &[u8]) -> Result<(Self, Welcome)> {
        let hello: Hello = decode_message(body)?;
        let (first, last) = hello.versions;
        if hello.magic != MAGIC {
            return Err(Error::invalid("a hello begins with ASOF; this is a socket of asofdb's native protocol"));
        }
        if !(first..=last).contains(&PROTOCOL_VERSION) {
            let message = "the sidecar and the client speak no version of the protocol in common; update the older";
            return Err(Error::conflict(format!("{message}: {PROTOCOL_VERSION}, and {first} to {last}")));
        }
        let consumer = shared.service.consumers.get(hello.consumer.as_deref(), Some(peer.uid))?;
        hello.model.as_deref().map_or(Ok(()), check_model_name)?;
        let welcome = Welcome {
            version: PROTOCOL_VERSION,
            server: env!("CARGO_PKG_VERSION").to_owned(),
            consumer: consumer.name().to_owned(),
            role: role as u8,
            catalog_revision: shared.service.store.catalog().revision(),
            body_bytes_max: shared.bounds.body_bytes_max as u64,
            rows_max: shared.bounds.rows_max as u64,
            load_bytes_max: shared.bounds.load_bytes_max() as u64,
        };
        let reads = Reads::new(Held::new(&shared.budget));
        let caller = Caller { consumer, model: hello.model, role, uid: Some(peer.uid) };
        Ok((Session { caller, reads, gathering: Gathering::new(shared) }, welcome))
    }
}
