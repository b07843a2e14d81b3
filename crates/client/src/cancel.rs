//! Cancellation of a client's calls, from any thread.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Weak};

use asofdb::{Error, Result};
use parking_lot::Mutex;

/// Ends the calls of the clients that it was given to by [`Client::cancelled_by`](crate::Client::cancelled_by).
///
/// Cheap to clone; clones cancel the same calls.
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_cancelled: bool,
    /// The sockets of the calls under way. A connection that is dropped takes its own along.
    sockets: Vec<Weak<UnixStream>>,
}

impl Cancel {
    /// Fails the calls under way and those to come, with `Unavailable`. Their connections are closed, by which the
    /// sidecar knows that nobody waits any more. Work in this process, such as the reading of a file, ends before its
    /// next batch. What a call has written by then stays written.
    pub fn cancel(&self) {
        let sockets = {
            let mut state = self.state.lock();
            state.is_cancelled = true;
            std::mem::take(&mut state.sockets)
        };
        for socket in sockets.iter().filter_map(Weak::upgrade) {
            // It fails where the sidecar has closed the connection: then there is nothing to end.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Fails once [`Cancel::cancel`] was called.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) fn check(&self) -> Result<()> {
        if self.state.lock().is_cancelled { Err(cancelled()) } else { Ok(()) }
    }

    /// Has a call's socket closed by [`Cancel::cancel`], until it is released.
    ///
    /// # Errors
    /// As [`Cancel::check`].
    pub(crate) fn watch(&self, socket: &Arc<UnixStream>) -> Result<()> {
        let mut state = self.state.lock();
        if state.is_cancelled {
            return Err(cancelled());
        }
        state.sockets.retain(|known| known.strong_count() > 0);
        state.sockets.push(Arc::downgrade(socket));
        Ok(())
    }

    /// Leaves a socket alone from now on. Returns false where it may have been closed already.
    pub(crate) fn release(&self, socket: &Arc<UnixStream>) -> bool {
        let mut state = self.state.lock();
        state.sockets.retain(|known| !std::ptr::eq(known.as_ptr(), Arc::as_ptr(socket)));
        !state.is_cancelled
    }
}

#[cold]
fn cancelled() -> Error {
    Error::unavailable("the call was cancelled")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn pair() -> (Arc<UnixStream>, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        (Arc::new(ours), theirs)
    }

    fn is_closed(theirs: &UnixStream) -> bool {
        let mut byte = [0];
        matches!((&*theirs).read(&mut byte), Ok(0))
    }

    #[test]
    fn only_the_sockets_of_calls_under_way_are_closed() {
        let cancel = Cancel::default();
        let ((used, used_peer), (released, released_peer)) = (pair(), pair());
        cancel.watch(&used).unwrap();
        cancel.watch(&released).unwrap();
        assert!(cancel.release(&released));
        cancel.cancel();
        assert!(is_closed(&used_peer));
        assert!(!is_closed(&released_peer));
        assert!(!cancel.release(&used), "it is of no use to others");
        assert_eq!(cancel.watch(&released).unwrap_err().message(), "the call was cancelled");
        assert!(cancel.check().is_err());
    }

    #[test]
    fn sockets_that_are_gone_are_forgotten() {
        let cancel = Cancel::default();
        for _ in 0..100 {
            cancel.watch(&pair().0).unwrap();
        }
        assert_eq!(cancel.state.lock().sockets.len(), 1);
    }
}
