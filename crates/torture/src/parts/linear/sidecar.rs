//! A sidecar that is killed, started again and paused.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// `asof serve` over the store of a directory; killed when it goes.
pub(super) struct Sidecar {
    asof: PathBuf,
    directory: PathBuf,
    child: Child,
}

impl Sidecar {
    /// Serves the store `store` of a directory at its socket `socket`.
    ///
    /// # Panics
    /// If it does not become ready.
    pub(super) fn start(asof: &Path, directory: &Path) -> Self {
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(directory, mode).expect("a directory of ours");
        Sidecar { asof: asof.to_owned(), directory: directory.to_owned(), child: serve(asof, directory) }
    }

    /// The path of its socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// Kills it, and serves the store again.
    ///
    /// # Panics
    /// If it does not become ready.
    pub(super) fn kill_and_start(&mut self) {
        self.child.kill().expect("a child of ours");
        self.child.wait().expect("a child of ours");
        self.child = serve(&self.asof, &self.directory);
    }

    /// Has it stand still for so long.
    pub(super) fn pause(&self, time: Duration) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP).expect("a child of ours");
        // A process that was only sent the signal may answer once more.
        waitpid(Some(pid), WaitOptions::UNTRACED).expect("a child of ours");
        std::thread::sleep(time);
        kill_process(pid, Signal::CONT).expect("a child of ours");
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(asof: &Path, directory: &Path) -> Child {
    let log = directory.join("log");
    let mut child = Command::new(asof)
        .arg("serve")
        .arg("--store")
        .arg(directory.join("store"))
        .arg("--socket")
        .arg(directory.join("socket"))
        .env_remove("ASOF_STORE")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("asof starts");
    let read = || std::fs::read_to_string(&log).unwrap_or_default();
    for _ in 0..12_000 {
        if read().contains("ready") {
            return child;
        }
        if let Some(status) = child.try_wait().expect("a child of ours") {
            panic!("the sidecar ended with {status}: {}", read());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("the sidecar is not ready: {}", read());
}
