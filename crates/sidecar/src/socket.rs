//! The socket in the file system: made so that nobody else can stand in for it or connect before they may.

use std::fs;
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use asofdb::{Error, Result};
use rustix::fs::{Mode, fchmod};
use rustix::net::sockopt::socket_acceptconn;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

use crate::safe_path;

/// Longest path of a socket: the kernel's limit.
const PATH_BYTES_MAX: usize = 107;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// A listening socket whose file goes with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    /// The file and its inode; `None` for a socket that somebody else made.
    file: Option<(PathBuf, u64)>,
}

impl Socket {
    /// Makes the socket `path` with the permissions `mode`. The file of a server that is gone is replaced.
    ///
    /// # Errors
    /// `Conflict` when a server listens there or the path is no socket; `Invalid` when others could change the
    /// directory or one on the way to it, or the path is too long; `NotFound` when there is no such directory.
    pub fn bind(path: &Path, mode: u32) -> Result<Self> {
        check_path(path)?;
        check_directory(path)?;
        remove_stale(path)?;
        let failed = |error: rustix::io::Errno| {
            Error::unavailable(format!("cannot make the socket {}", path.display())).with_source(error)
        };
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).map_err(failed)?;
        // The file is born with the permissions that the socket has, less the umask: never with more.
        fchmod(&socket, Mode::from_raw_mode(mode)).map_err(failed)?;
        bind(&socket, &SocketAddrUnix::new(path).map_err(failed)?).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|error| {
            Error::unavailable(format!("cannot set the permissions of {}", path.display())).with_source(error)
        })?;
        listen(&socket, BACKLOG).map_err(failed)?;
        let inode = fs::symlink_metadata(path).map(|file| file.ino()).unwrap_or_default();
        Ok(Socket { listener: UnixListener::from(socket), file: Some((path.to_owned(), inode)) })
    }

    /// A socket that a service manager made and listens on.
    ///
    /// # Errors
    /// `Invalid` when nobody listens on it.
    pub fn inherited(listener: UnixListener) -> Result<Self> {
        match socket_acceptconn(&listener) {
            Ok(true) => Ok(Socket { listener, file: None }),
            _ => Err(Error::invalid("the socket that was passed does not listen (Accept=no in the socket unit)")),
        }
    }

    /// The listener, for a server that is not of this crate's native protocol. The file goes with the socket.
    ///
    /// # Errors
    /// `Unavailable` when there are too many open files.
    pub fn to_listener(&self) -> Result<UnixListener> {
        self.listener.try_clone().map_err(|error| Error::unavailable("cannot share a socket").with_source(error))
    }

    pub(crate) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let Some((path, inode)) = &self.file else { return };
        if fs::symlink_metadata(path).is_ok_and(|file| file.ino() == *inode) {
            // Whoever starts next replaces a file that could not be removed.
            let _ = fs::remove_file(path);
        }
    }
}

fn check_path(path: &Path) -> Result<()> {
    let bytes = path.as_os_str().len();
    match bytes <= PATH_BYTES_MAX {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "the path of a socket has at most {PATH_BYTES_MAX} bytes; give a shorter one: {bytes} bytes"
        ))),
    }
}

fn check_directory(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => safe_path::check(parent),
        _ => safe_path::check(Path::new(".")),
    }
}

fn remove_stale(path: &Path) -> Result<()> {
    let shown = path.display();
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(Error::conflict(format!("the path of the socket exists and is no socket: {shown}")));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(Error::conflict(format!("another server listens on {shown}; stop it or give another path"))),
        Err(error) if error.kind() == IoKind::ConnectionRefused => fs::remove_file(path)
            .map_err(|error| Error::unavailable(format!("cannot remove the stale socket {shown}")).with_source(error)),
        Err(error) if error.kind() == IoKind::NotFound => Ok(()),
        // Its queue is full, or it is another user's: somebody is there.
        Err(error) => {
            Err(Error::conflict(format!("another server seems to listen on {shown}; stop it or give another path"))
                .with_source(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(mode: u32) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        directory
    }

    #[test]
    fn a_socket_has_its_mode_and_goes_with_its_server() {
        let directory = directory(0o700);
        let path = directory.path().join("socket");
        for mode in [0o600, 0o660, 0o666] {
            let socket = Socket::bind(&path, mode).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode);
            let error = Socket::bind(&path, mode).unwrap_err();
            assert!(error.message().contains("another server listens"), "{error}");
            drop(socket);
            assert!(!path.exists());
        }
    }

    #[test]
    fn the_socket_of_a_dead_server_is_replaced_and_nothing_else() {
        let directory = directory(0o755);
        let path = directory.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(Socket::bind(&path, 0o600).unwrap());
        fs::write(&path, "precious").unwrap();
        let error = Socket::bind(&path, 0o600).unwrap_err();
        assert!(error.message().contains("no socket"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn a_successor_s_socket_is_left_alone() {
        let directory = directory(0o700);
        let path = directory.path().join("socket");
        let first = Socket::bind(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let second = Socket::bind(&path, 0o600).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
    }

    #[test]
    fn directories_of_others_and_long_paths_are_refused() {
        let open = directory(0o777);
        let error = Socket::bind(&open.path().join("socket"), 0o600).unwrap_err();
        assert!(error.message().contains("written by everybody"), "{error}");
        let open = directory(0o770);
        let error = Socket::bind(&open.path().join("socket"), 0o600).unwrap_err();
        assert!(error.message().contains("written by its group"), "{error}");
        let error = Socket::bind(&directory(0o700).path().join("missing/socket"), 0o600).unwrap_err();
        assert!(error.message().contains("mkdir"), "{error}");
        let error = Socket::bind(&open.path().join("x".repeat(120)), 0o600).unwrap_err();
        assert!(error.message().contains("at most 107 bytes"), "{error}");
    }
}
