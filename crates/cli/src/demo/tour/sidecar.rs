//! The sidecar of the tour: a process of its own, as another terminal would run it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use asofdb::{Error, Result};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

use crate::progress::Stopwatch;

/// The longest time in which something has to happen that always does, in seconds.
const PATIENCE_SECONDS: f64 = 60.0;

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A sidecar that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Sidecar {
    process: Child,
    /// The directory of its socket, which nobody else can write to.
    directory: PathBuf,
    log: PathBuf,
}

impl Sidecar {
    /// Makes the directory for a socket: short, as paths of sockets have to be, and this user's alone.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be made.
    pub(super) fn directory() -> Result<PathBuf> {
        let directory = std::env::temp_dir().join(format!("asof-demo-{}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => Ok(directory),
            Err(error) => Err(Error::unavailable(format!("cannot make {}", directory.display())).with_source(error)),
        }
    }

    /// Starts `asof` with `arguments`, whose socket is in `directory`. What it logs goes to a file.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be started.
    pub(super) fn start(arguments: &[OsString], directory: PathBuf, log: &Path) -> Result<Self> {
        let cannot = |error| Error::unavailable("the sidecar cannot be started").with_source(error);
        let binary = std::env::current_exe().map_err(cannot)?;
        let mut command = Command::new(binary);
        command.args(arguments).args(["--log-format", "json"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log).map_err(cannot)?);
        let process = command.spawn().map_err(cannot)?;
        Ok(Sidecar { process, directory, log: log.to_owned() })
    }

    /// Waits until it serves, and gives its HTTP address.
    ///
    /// # Errors
    /// `Unavailable` when it ended, or took too long; the log says more.
    pub(super) fn ready(&mut self) -> Result<String> {
        let mut ended = false;
        let address = wait_for(|| {
            ended = !matches!(self.process.try_wait(), Ok(None));
            let address = ready_line(&fs::read_to_string(&self.log).unwrap_or_default());
            Ok(address.map(Some).or(ended.then_some(None)))
        });
        match address {
            Ok(Some(address)) => Ok(address),
            _ => Err(Error::unavailable(format!("the sidecar is not ready; see {}", self.log.display()))),
        }
    }

    /// Ends it, as a service manager does, and waits until everything is written.
    ///
    /// # Errors
    /// `Unavailable` when it did not end well.
    pub(super) fn stop(mut self) -> Result<()> {
        self.ask_to_end();
        let ended = self.process.wait();
        match ended {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Error::unavailable(format!("the sidecar did not end well; see {}", self.log.display()))),
        }
    }

    fn ask_to_end(&self) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        // One that has ended by itself is waited for all the same.
        let _ = id.map(|id| kill_process(id, Signal::TERM));
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The HTTP address in the line of a log that says that a sidecar serves.
fn ready_line(log: &str) -> Option<String> {
    log.lines().find_map(|line| {
        let line: Json = serde_json::from_str(line).ok()?;
        (line["message"] == "ready").then(|| line["http"].as_str().map(str::to_owned))?
    })
}

/// Looks again and again until something is there.
///
/// # Errors
/// Those of `look`; `Unavailable` after a minute.
pub(super) fn wait_for<T>(mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let waited = Stopwatch::start();
    while waited.seconds() < PATIENCE_SECONDS {
        if let Some(found) = look()? {
            return Ok(found);
        }
        thread::sleep(PAUSE);
    }
    Err(Error::unavailable(format!("what the demo waits for did not happen in {PATIENCE_SECONDS} s")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_in_the_line_that_says_ready() {
        let log = "{\"message\":\"opened\"}\nnot json\n{\"message\":\"ready\",\"http\":\"127.0.0.1:41\"}\n";
        assert_eq!(ready_line(log).as_deref(), Some("127.0.0.1:41"));
        assert_eq!(ready_line("{\"message\":\"opened\",\"http\":\"127.0.0.1:41\"}\n"), None);
        assert_eq!(ready_line("{\"message\":\"rea"), None);
    }
}
