//! Bulk requests of the blocking client: what travels as a stream.

mod exchange;
mod export;
mod history;
mod incoming;
mod ingest;
mod join;
mod scan;

pub use self::join::RemoteJoin;
