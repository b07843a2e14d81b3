//! This binary again as another process that serves a socket, so that a server is measured as servers run.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::Sizes;
use crate::{floor, sidecar};

/// What the process is to serve, and where.
const ROLE: &str = "ASOFDB_BENCH_ROLE";
const SOCKET: &str = "ASOFDB_BENCH_SOCKET";
const STORE: &str = "ASOFDB_BENCH_STORE";

/// How often a starting server is asked whether it is there, and the pause between.
const START_ATTEMPTS: usize = 6_000;
const START_PAUSE: Duration = Duration::from_millis(10);

/// What another process serves.
#[derive(Debug, Clone, Copy)]
pub enum Role<'s> {
    Floor,
    Sidecar { store: &'s Path },
}

/// A serving process. It ends when this is dropped, and also when the bench dies: its standard input ends then.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub socket: PathBuf,
    _directory: TempDir,
}

impl Server {
    /// Starts it and waits until it listens.
    pub fn start(role: Role<'_>) -> Self {
        let directory = TempDir::new().expect("a directory");
        let socket = directory.path().join("socket");
        let mut command = Command::new(std::env::current_exe().expect("the path of this binary"));
        command.env(SOCKET, &socket).stdin(Stdio::piped());
        match role {
            Role::Floor => command.env(ROLE, "floor"),
            Role::Sidecar { store } => command.env(ROLE, "sidecar").env(STORE, store),
        };
        let child = command.spawn().expect("this binary starts again");
        let server = Server { child, socket, _directory: directory };
        server.wait();
        server
    }

    fn wait(&self) {
        for _ in 0..START_ATTEMPTS {
            if UnixStream::connect(&self.socket).is_ok() {
                return;
            }
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
        drop(self.child.stdin.take());
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.child.wait();
    }
}

/// Serves until standard input ends, if this process is to be a server.
pub fn serve_if_asked() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    let path = |name| PathBuf::from(std::env::var_os(name).expect("the bench sets it"));
    let socket = path(SOCKET);
    match role.as_str() {
        "floor" => floor::serve(&socket, Sizes::from_env()),
        _ => sidecar::serve(&socket, &path(STORE)),
    }
    true
}

/// Waits until standard input ends.
pub fn until_told() {
    // An error is an end as well.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
