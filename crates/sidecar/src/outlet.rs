//! The way out of the process: a socket that is written to without waiting, and waited for apart from that.

use std::io::{self, IoSlice};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

/// Most pieces of one write: the kernel's limit.
const PIECES_MAX: usize = 1_024;

/// Something that bytes are written to, and that has room for more once the other end has read.
pub(crate) trait Outlet {
    /// Writes what there is room for now.
    ///
    /// # Errors
    /// `WouldBlock` when there is none; otherwise the end of the connection.
    fn write_now(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Waits until there is room, or the connection has ended.
    ///
    /// # Errors
    /// `TimedOut` when there was none for so long.
    fn wait_for_room(&mut self, patience: Duration) -> io::Result<()>;
}

/// A time-out of the socket would not do: the kernel applies it to each of the pieces that it cuts a write into.
impl Outlet for &UnixStream {
    #[inline]
    fn write_now(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let slices = &slices[..slices.len().min(PIECES_MAX)];
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        Ok(sendmsg(*self, slices, &mut SendAncillaryBuffer::default(), flags)?)
    }

    fn wait_for_room(&mut self, patience: Duration) -> io::Result<()> {
        let mut ready = [PollFd::new(*self, PollFlags::OUT)];
        match poll(&mut ready, Timespec::try_from(patience).ok().as_ref()) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
