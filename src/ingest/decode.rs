//! Decoding in a thread of its own.

use std::thread;

use asofdb_storage::{Error, Result};
use crossbeam::channel::bounded;

use crate::source::{Piece, Source};
use crate::threads;

/// Pieces that wait to be encoded: enough that neither thread waits for the other's uneven ones.
pub(super) const PIECES_WAITING: usize = 2;

/// Passes the pieces of a source on to `take`, in order, while the next ones are decoded. `take` says whether to
/// go on.
pub(super) fn each_piece(source: &Source, mut take: impl FnMut(Piece) -> Result<bool>) -> Result<()> {
    let pieces = source.pieces()?;
    thread::scope(|scope| {
        let (send, receive) = bounded(PIECES_WAITING);
        let decoder = threads::start(scope, "that decodes", move || {
            for piece in pieces {
                // Nobody waits for more when the receiver is gone.
                if send.send(piece).is_err() {
                    break;
                }
            }
        })?;
        let taken = receive.iter().map(|piece| take(piece?)).find(|more| !matches!(more, Ok(true)));
        drop(receive);
        match (taken, decoder.join()) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(_)) => Err(undecodable(source)),
            _ => Ok(()),
        }
    })
}

/// The decoders of Parquet and Arrow do not promise to survive damaged files without a panic.
fn undecodable(source: &Source) -> Error {
    Error::corrupt(format!("file {} cannot be decoded: it is damaged", source.name()))
}
