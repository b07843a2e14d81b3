//! A sidecar under conditions of its own: limits, an environment, a store on another disk.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use asofdb_client::{Client, ConnectOptions};
use rustix::process::{Pid, Signal, kill_process};

use crate::Setting;

/// The longest wait for a start, an end or an answer. Longer than any is stated to take: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// The pause between two looks at what is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// The conditions of a sidecar.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions<'c> {
    /// Options of `asof serve`.
    pub(crate) arguments: Vec<&'c str>,
    /// Variables of its environment.
    pub(crate) environment: Vec<(&'c str, &'c OsStr)>,
    /// Options of `ulimit`, which it starts under: `-n 64`.
    pub(crate) limits: Option<String>,
}

/// A sidecar in a process of its own. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Host {
    directory: PathBuf,
    child: Child,
}

/// A sidecar that ended before it was ready.
#[derive(Debug)]
pub(crate) struct NotStarted {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Host {
    /// Serves a store, and waits until it is ready. The sockets and the log lie in `directory`.
    ///
    /// # Errors
    /// With its end and its log, if it ended instead.
    ///
    /// # Panics
    /// If it neither becomes ready nor ends.
    pub(crate) fn start(
        setting: &Setting,
        directory: &Path,
        store: &Path,
        conditions: &Conditions<'_>,
    ) -> Result<Self, NotStarted> {
        let mut command = limited(setting, conditions);
        command.arg("serve").arg("--store").arg(store).arg("--socket").arg(directory.join("socket"));
        command.arg("--http-socket").arg(directory.join("http")).args(&conditions.arguments);
        command.envs(conditions.environment.iter().copied()).env_remove("ASOF_STORE");
        let log = File::create(directory.join("log")).expect("a log file");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("asof starts");
        let mut host = Host { directory: directory.to_owned(), child };
        let mut ended = None;
        let is_ready = eventually(|| {
            ended = host.child.try_wait().expect("a child");
            ended.is_some() || host.log().contains(" ready")
        });
        assert!(is_ready, "the sidecar neither starts nor ends: {}", host.log());
        match ended {
            None => Ok(host),
            Some(status) => Err(NotStarted { status, log: host.log() }),
        }
    }

    /// A new client.
    ///
    /// # Errors
    /// As [`Client::connect_with`].
    pub(crate) fn client(&self) -> asofdb::Result<Client> {
        let options = ConnectOptions { timeout: PATIENCE, ..ConnectOptions::default() };
        Client::connect_with(self.directory.join("socket"), options)
    }

    /// Status and body of an answer over HTTP.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn get(&self, path: &str) -> io::Result<(u16, String)> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    /// Status and body of the answer to JSON that is posted.
    ///
    /// # Errors
    /// Those of the socket.
    pub(crate) fn post(&self, path: &str, body: &str) -> io::Result<(u16, String)> {
        let length = body.len();
        let head = "Host: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n";
        self.ask(&format!("POST {path} HTTP/1.1\r\n{head}Content-Length: {length}\r\n\r\n{body}"))
    }

    fn ask(&self, request: &str) -> io::Result<(u16, String)> {
        let mut stream = UnixStream::connect(self.directory.join("http"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        // What refuses a body may close before it is sent: its answer counts.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        // Whatever came before a reset counts too.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
    }

    /// The file of the log, which stays when the sidecar has gone.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// The log.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The most memory that it has had, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
        kib.unwrap_or_default() << 10
    }

    /// Returns how it has ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// Asks it to end, as a service manager does, and waits. `None` if it had to be killed.
    pub(crate) fn terminate(mut self) -> Option<ExitStatus> {
        // A process that has ended, and was not waited for, still takes signals.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let mut ended = None;
        eventually(|| {
            ended = self.ended();
            ended.is_some()
        });
        ended
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Either fails for a process that is gone, and for no other.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command `asof` under the limits of the conditions.
pub(crate) fn limited(setting: &Setting, conditions: &Conditions<'_>) -> Command {
    match &conditions.limits {
        None => Command::new(&setting.asof),
        Some(limits) => {
            let mut command = Command::new("bash");
            command.arg("-c").arg(format!("ulimit {limits} && exec \"$0\" \"$@\"")).arg(&setting.asof);
            command
        }
    }
}

/// The time since a moment: for patience and for figures.
#[allow(clippy::disallowed_methods, reason = "faults happen in real time, outside any store")]
pub(crate) fn moment() -> Instant {
    Instant::now()
}

/// Looks again and again, for as long as patience lasts, whether something has happened; tells whether it has.
pub(crate) fn eventually(mut has_happened: impl FnMut() -> bool) -> bool {
    let waited = moment();
    loop {
        if has_happened() {
            return true;
        }
        if waited.elapsed() >= PATIENCE {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Bytes as MiB, for people.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
