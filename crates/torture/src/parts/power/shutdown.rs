//! Shutting a file system down, as when its power is cut.
#![allow(unsafe_code, reason = "a request to the kernel that the standard library lacks")]

use std::fs::File;
use std::io;

use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

/// `EXT4_IOC_SHUTDOWN` and `XFS_IOC_GOINGDOWN`, which are one.
const SHUT_DOWN: Opcode = opcode::read::<u32>(b'X', 125);

/// The kernel's last act: it writes the journal out, or nothing.
const WITH_JOURNAL: u32 = 1;
const WITHOUT_JOURNAL: u32 = 2;

/// Shuts down the file system of a directory: from now on nothing is written any more. With `journal` what is in the
/// journal in memory is written first; file data is not in either case.
pub(super) fn shut_down(directory: &File, journal: bool) -> io::Result<()> {
    let how = if journal { WITH_JOURNAL } else { WITHOUT_JOURNAL };
    // SAFETY: the request reads one u32 at the address that it is given, and writes nothing, in spite of the direction
    // that its number names; `Setter` passes the address of its u32, which lives until the call returns.
    Ok(unsafe { ioctl(directory, Setter::<SHUT_DOWN, u32>::new(how)) }?)
}
