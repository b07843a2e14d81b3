//! A server in a process of its own, as servers run.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The attempts to reach a starting server, and the pause between two.
const START_ATTEMPTS: usize = 6_000;
const START_PAUSE: Duration = Duration::from_millis(10);

/// A process that listens on a Unix socket; stopped when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub socket: PathBuf,
    _directory: TempDir,
}

impl Server {
    /// Starts the command for a socket and waits until it listens there.
    pub fn start(command: impl FnOnce(&Path) -> Command) -> Self {
        let directory = TempDir::new().expect("a directory");
        let socket = directory.path().join("socket");
        let child = command(&socket).spawn().expect("the server starts");
        let mut server = Server { child, socket, _directory: directory };
        server.wait();
        server
    }

    fn wait(&mut self) {
        for _ in 0..START_ATTEMPTS {
            if UnixStream::connect(&self.socket).is_ok() {
                return;
            }
            let ended = self.child.try_wait().expect("a child of this process");
            assert!(ended.is_none(), "the server on {} ended at once: {ended:?}", self.socket.display());
            std::thread::sleep(START_PAUSE);
        }
        panic!("the server on {} does not answer", self.socket.display());
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}
