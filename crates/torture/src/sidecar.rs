//! A sidecar in a process of its own, to be stopped, killed, paused and started again.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use asofdb_client::{Client, ConnectOptions};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::Setting;
use crate::process::Process;
use crate::stopwatch::{Stopwatch, eventually};

/// The longest wait for a start or an end. Longer than any is stated to take: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// `asof serve` over a store in a directory: on the socket `socket`, and over HTTP on the socket `http` and a port of
/// loopback. Its log is the file `log`. It is killed when it is dropped; the directory stays.
#[derive(Debug)]
pub(crate) struct Sidecar {
    asof: PathBuf,
    directory: PathBuf,
    arguments: Vec<String>,
    child: Child,
    /// Bytes that the log had before the process that runs now.
    log_start: usize,
}

/// The end of a sidecar that was asked to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// The exit code; `None` where a signal ended it, or where it had to be killed.
    pub(crate) code: Option<i32>,
    /// The time from the signal on.
    pub(crate) took: Duration,
}

impl Sidecar {
    /// Serves the store `store` of a directory, which is made where there is none, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not become ready; its log is told.
    pub(crate) fn start(setting: &Setting, directory: &Path, arguments: &[&str]) -> Self {
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(directory, permissions).expect("a directory of our own");
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let log_start = read_log(directory).len();
        let child = spawn(&setting.asof, directory, &arguments);
        let directory = directory.to_owned();
        let mut sidecar = Sidecar { asof: setting.asof.clone(), directory, arguments, child, log_start };
        sidecar.wait_until_ready();
        sidecar
    }

    /// Starts it again, with the same arguments, after it has ended.
    ///
    /// # Panics
    /// As [`Sidecar::start`].
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.log_start = read_log(&self.directory).len();
        self.child = spawn(&self.asof, &self.directory, &self.arguments);
        self.wait_until_ready();
    }

    /// The directory of the store, while nobody serves it.
    pub(crate) fn store(&self) -> PathBuf {
        self.directory.join("store")
    }

    /// The socket of the native protocol.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join("socket")
    }

    /// The Unix socket of HTTP.
    pub(crate) fn http_socket(&self) -> PathBuf {
        self.directory.join("http")
    }

    /// The address of HTTP over TCP, which is another one after a restart.
    ///
    /// # Panics
    /// If the log does not tell it.
    pub(crate) fn http_address(&self) -> SocketAddr {
        let log = self.log();
        let port = log.split("127.0.0.1:").nth(1).unwrap_or_default();
        let digits = port.split(|letter: char| !letter.is_ascii_digit()).next();
        let port = digits.and_then(|digits| digits.parse().ok()).expect("a port in the log");
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A new client that waits for an answer for so long.
    ///
    /// # Errors
    /// As [`Client::connect_with`].
    pub(crate) fn client(&self, timeout: Duration) -> asofdb::Result<Client> {
        Client::connect_with(self.socket(), ConnectOptions { timeout, ..ConnectOptions::default() })
    }

    /// The log of the process that runs now, or ran last.
    pub(crate) fn log(&self) -> String {
        read_log(&self.directory).split_off(self.log_start)
    }

    /// The process.
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Stops it where it is, and waits until it stands still.
    ///
    /// # Panics
    /// If it has ended.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let stopped = waitpid(Some(Pid::from_child(&self.child)), WaitOptions::UNTRACED).expect("a child");
        assert!(stopped.is_some_and(|(_, status)| status.stopped()), "the sidecar has ended: {}", self.log());
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end, as a service manager does, and waits.
    pub(crate) fn terminate(&mut self) -> Ended {
        let asked = Stopwatch::start();
        self.signal(Signal::TERM);
        let has_ended = eventually(PATIENCE, || self.child.try_wait().is_ok_and(|status| status.is_some()));
        let took = asked.elapsed();
        self.kill();
        let code = self.child.wait().ok().and_then(|status| status.code());
        Ended { code: code.filter(|_| has_ended), took }
    }

    /// Kills it, and waits until it is gone. One that has ended stays as it is.
    pub(crate) fn kill(&mut self) {
        // Either fails for a process that is gone, and for no other.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Returns whether it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    fn signal(&self, signal: Signal) {
        // A process that has ended, and was not waited for, still takes signals.
        kill_process(Pid::from_child(&self.child), signal).expect("a child");
    }

    fn wait_until_ready(&mut self) {
        let is_ready = eventually(PATIENCE, || {
            assert!(self.is_running(), "the sidecar has ended: {}", self.log());
            self.log().contains(" ready")
        });
        assert!(is_ready, "the sidecar is not ready: {}", self.log());
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(asof: &Path, directory: &Path, arguments: &[String]) -> Child {
    let mut command = Command::new(asof);
    command.arg("serve").arg("--store").arg(directory.join("store")).arg("--socket").arg(directory.join("socket"));
    command.args(["--http", "127.0.0.1:0", "--http-socket"]).arg(directory.join("http")).args(arguments);
    command.env_remove("ASOF_STORE").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file(directory));
    command.spawn().expect("asof starts")
}

fn log_file(directory: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(directory.join("log")).expect("a log file")
}

fn read_log(directory: &Path) -> String {
    let bytes = fs::read(directory.join("log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
