//! Commands: notices as the standard input of a program.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command as Program, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::format::Format;
use super::notice::Notice;
use super::refusal::Refusal;
use crate::consumers::Stopwatch;

/// A program with its arguments. It runs as the user of the sidecar, reads JSON, and has taken it when it exits with 0.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    pub(super) timeout: Duration,
}

impl Command {
    /// Runs it with notices.
    ///
    /// # Errors
    /// The reason, where it does not exit with 0, or not in time; then it and its children are killed.
    pub(super) fn deliver(&self, from: &str, notices: &[Notice]) -> Result<(), Refusal> {
        let failed = |error: io::Error| Refusal::new(format!("it cannot be run: {error}"));
        let mut child = self.start(&Format::Json.write(from, notices)).map_err(failed)?;
        match wait(&mut child, self.timeout).map_err(failed)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(Refusal::new(format!("it ended with {status}"))),
            None => {
                // It may have ended just now; a child that was not waited for keeps its number.
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                child.wait().map_err(failed)?;
                Err(Refusal::new(format!("it took longer than it may, {:?}", self.timeout)))
            }
        }
    }

    /// Starts it, in a group of processes of its own.
    fn start(&self, body: &[u8]) -> io::Result<Child> {
        Program::new(&self.program)
            .args(&self.arguments)
            .stdin(input(body)?)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
    }
}

/// A file without a name: a pipe could fill before it is read, and would have to be written to meanwhile.
fn input(body: &[u8]) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(body)?;
    file.rewind()?;
    Ok(file)
}

/// Waits for its end, for so long at most.
fn wait(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let handle = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let watch = Stopwatch::start();
    loop {
        let left = Timespec::try_from(timeout.saturating_sub(watch.elapsed())).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Ok(None),
            Ok(_) => return child.wait().map(Some),
            Err(Errno::INTR) => (),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::outbox::tests::notice;
    use super::*;

    fn shell(script: &str, timeout: Duration) -> Command {
        Command { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], timeout }
    }

    #[test]
    fn it_reads_the_notices_and_its_exit_code_says_whether_it_took_them() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        let script = format!("cat > {}", out.display());
        let minute = Duration::from_secs(60);
        assert_eq!(shell(&script, minute).deliver("prod", &[notice(1)]), Ok(()));
        assert_eq!(fs::read(&out).unwrap(), Format::Json.write("prod", &[notice(1)]));
        assert_eq!(shell("exit 3", minute).deliver("prod", &[]), Err(Refusal::new("it ended with exit status: 3")));
        let nothing = Command { program: "/nowhere/nothing".into(), arguments: Vec::new(), timeout: minute };
        assert!(nothing.deliver("prod", &[]).unwrap_err().reason.starts_with("it cannot be run: No such file"));
    }

    #[test]
    fn one_that_hangs_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        // The child has the pipe open for as long as it lives: reading it ends when nobody has.
        let script = format!("exec 3> {}; sleep 3600 & wait", fifo.display());
        assert!(Program::new("mkfifo").arg(&fifo).status().unwrap().success());
        std::thread::scope(|scope| {
            let ended = scope.spawn(|| fs::read(&fifo).unwrap());
            let refusal = shell(&script, Duration::from_millis(500)).deliver("prod", &[]).unwrap_err();
            assert_eq!(refusal.reason, "it took longer than it may, 500ms");
            assert!(ended.join().unwrap().is_empty());
        });
    }
}
