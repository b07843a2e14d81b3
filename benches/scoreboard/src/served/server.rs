//! A server in a process of its own.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::contender::Fallible;

/// The attempts to find a server ready, and the pause between two.
const START_ATTEMPTS: usize = 6_000;
const START_PAUSE: Duration = Duration::from_millis(10);

/// A process, stopped when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts a command and waits until `is_ready`.
    ///
    /// # Errors
    /// When it does not start, ends at once, or is not ready within a minute.
    pub fn start(command: &mut Command, is_ready: impl Fn() -> bool) -> Fallible<Server> {
        let name = Path::new(command.get_program()).display().to_string();
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let mut server = Server { child };
        for _ in 0..START_ATTEMPTS {
            if is_ready() {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(format!("{name} ended at once: {status}").into());
            }
            std::thread::sleep(START_PAUSE);
        }
        Err(format!("{name} does not answer").into())
    }

    /// The process.
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

/// Puts this thread, and what it starts, on one core: a wake-up across the cores of a virtual machine costs more than
/// what is measured, and differs from one turn to the next.
///
/// # Errors
/// What the kernel says.
pub fn stay_on_one_core() -> Fallible<()> {
    let mut core = CpuSet::new();
    core.set(0);
    Ok(sched_setaffinity(None, &core)?)
}
