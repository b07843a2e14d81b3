//! The chunks that a client sends after a request.

use asofdb::{Error, Result};
use asofdb_protocol::{Header, Kind};

use crate::bounds::Bounds;
use crate::consumers::Stopwatch;
use crate::server::arrivals::{Arrivals, End};

/// The error's text when an expected chunk does not come.
const PAUSED: &str = "paused within a request";

/// The error's text when a bulk request does not end.
pub(super) const TOOK_TOO_LONG: &str = "took longer with a bulk request than it may";

/// The chunks of one request, in their order.
pub(super) struct Inflow<'a, 's> {
    arrivals: &'a mut Arrivals<'s>,
    bounds: &'a Bounds,
    id: u64,
    started: Stopwatch,
    /// True if another chunk follows.
    more: bool,
    /// The reason why no more chunks can be read.
    end: Option<End>,
}

impl<'a, 's> Inflow<'a, 's> {
    /// Makes the inflow of the chunks that follow the request with this header.
    pub(super) fn new(arrivals: &'a mut Arrivals<'s>, header: Header, bounds: &'a Bounds) -> Result<Self, End> {
        if header.more != matches!(header.kind, Kind::Join | Kind::Load | Kind::Gather) {
            let message = "joins, loads and what is gathered are followed by chunks, other requests are not";
            return Err(End::Refused(Error::invalid(message)));
        }
        Ok(Inflow { arrivals, bounds, id: header.id, started: Stopwatch::start(), more: header.more, end: None })
    }

    /// The next chunk; `None` after the last one.
    ///
    /// # Errors
    /// `Unavailable` when the connection ends; [`Inflow::check`] then says how.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        match self.wait() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(end) => {
                self.more = false;
                self.end = Some(end);
                return Err(Error::unavailable("the client has ended the stream"));
            }
        }
        let next = self.arrivals.next(self.bounds.body_bytes_max)?;
        Ok(next.map(|(header, body)| {
            self.more = header.more;
            body
        }))
    }

    /// Waits until the next chunk is there; false when there is none to come.
    fn wait(&mut self) -> Result<bool, End> {
        if !self.more {
            return Ok(false);
        }
        loop {
            if let Some(header) = self.arrivals.peek(self.bounds.body_bytes_max).map_err(End::Refused)? {
                return match header.kind == Kind::Chunk && !header.is_answer && header.id == self.id {
                    true => Ok(true),
                    false => Err(End::Refused(Error::invalid("a request came before the last chunk of another"))),
                };
            }
            let left = self.bounds.bulk_timeout.saturating_sub(self.started.elapsed());
            if left.is_zero() {
                return Err(End::TimedOut(TOOK_TOO_LONG));
            }
            self.arrivals.read(left.min(self.bounds.stall_timeout), PAUSED)?;
        }
    }

    /// Returns whether the connection can go on.
    pub(super) fn check(&mut self) -> Result<(), End> {
        self.end.take().map_or(Ok(()), Err)
    }

    /// Passes over the chunks that nobody took.
    pub(super) fn drain(mut self) -> Result<(), End> {
        while let Ok(Some(_)) = self.next() {}
        self.check()
    }
}
