//! A sidecar in a process of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use asofdb::{Definitions, Store};
use asofdb_client::Client;
use tempfile::TempDir;

/// `asof serve` over a store in a temporary directory; killed when it goes.
pub struct Sidecar {
    pub directory: TempDir,
    pub child: Child,
}

impl Sidecar {
    /// Makes a store with these definitions and serves it.
    pub fn start(definitions: &Definitions, arguments: &[&str]) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("its permissions");
        Store::open(directory.path().join("store"))
            .expect("a new store")
            .apply(definitions, false)
            .expect("good definitions");
        Sidecar::over(directory, arguments)
    }

    /// Serves the store that is in the directory.
    pub fn over(directory: TempDir, arguments: &[&str]) -> Self {
        Sidecar::of(Command::new(env!("CARGO_BIN_EXE_asof")), directory, arguments)
    }

    /// Serves the store that is in the directory, in a process with the limit that is given as `ulimit` takes it.
    pub fn limited(directory: TempDir, limit: &str, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_asof")]);
        Sidecar::of(shell, directory, arguments)
    }

    fn of(mut asof: Command, directory: TempDir, arguments: &[&str]) -> Self {
        let child = asof
            .arg("serve")
            .arg("--store")
            .arg(directory.path().join("store"))
            .arg("--socket")
            .arg(directory.path().join("socket"))
            .args(arguments)
            .env_remove("ASOF_STORE")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.path().join("log")).expect("a log file"))
            .spawn()
            .expect("asof starts");
        let mut sidecar = Sidecar { directory, child };
        sidecar.wait_until_ready();
        sidecar
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    pub fn client(&self) -> Client {
        Client::connect(self.socket()).expect("a sidecar that listens")
    }

    /// Returns what it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("its log")
    }

    /// Bytes of memory that are its own.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a running process");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
        let kib: u64 = line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number");
        kib << 10
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a running process");
    }

    /// Stops it and waits until it stands still: a process that was only sent the signal may answer once more.
    pub fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
        let pid = rustix::process::Pid::from_child(&self.child);
        let stopped = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::UNTRACED).expect("a child");
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "it has ended instead");
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let mut ended = None;
        let is_over = eventually(|| {
            ended = self.child.try_wait().expect("a child");
            ended.is_some()
        });
        assert!(is_over, "it does not end: {}", self.log());
        ended.expect("it is over")
    }

    /// Ends it, however, and leaves its directory.
    pub fn kill(mut self) -> TempDir {
        let _ = self.child.kill();
        let _ = self.child.wait();
        std::mem::replace(&mut self.directory, TempDir::new().expect("a temporary directory"))
    }

    fn wait_until_ready(&mut self) {
        let is_ready = eventually(|| {
            if let Some(status) = self.child.try_wait().expect("a child") {
                panic!("the sidecar ended with {status}: {}", self.log());
            }
            self.log().contains("ready")
        });
        assert!(is_ready, "the sidecar is not ready: {}", self.log());
    }
}

/// Looks again and again, for a minute or so, whether something has happened.
pub fn eventually(mut has_happened: impl FnMut() -> bool) -> bool {
    (0..12_000).any(|_| {
        let happened = has_happened();
        if !happened {
            std::thread::sleep(Duration::from_millis(5));
        }
        happened
    })
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
