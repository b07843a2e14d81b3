//! The cores on which the two ends of a socket run. A wake-up across the cores of a virtual machine costs ten times
//! what the protocol does, so it is decided here and stated.

use rustix::process::{Pid, getpid};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::contender::Contender;

/// A way to place clients and servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cores {
    /// Clients and servers share one core.
    One,
    /// Clients have one core, servers another.
    Two,
    /// The scheduler decides.
    Free,
}

impl Cores {
    /// Returns the divisions of cores that this machine has.
    pub fn all() -> Vec<Cores> {
        match count() {
            1 => vec![Cores::One],
            _ => vec![Cores::One, Cores::Two, Cores::Free],
        }
    }

    pub fn describe(self) -> &'static str {
        match self {
            Cores::One => "client and server on one core",
            Cores::Two => "client and server on two cores",
            Cores::Free => "client and server where the scheduler puts them",
        }
    }

    /// Places the servers with all their threads, this process's threads but for the calling one with them, and the
    /// calling one, whose threads to come stay there.
    pub fn pin(self, contenders: &[&dyn Contender]) {
        let (client, server) = match self {
            Cores::One => (only(0), only(0)),
            Cores::Two => (only(0), only(1)),
            Cores::Free => (all(), all()),
        };
        let servers = contenders.iter().filter_map(|contender| contender.server());
        let own = getpid().as_raw_nonzero().get().unsigned_abs();
        servers.chain([own]).for_each(|process| pin_threads(process, &server));
        sched_setaffinity(None, &client).expect("a core of this machine");
    }
}

fn count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}

fn all() -> CpuSet {
    let mut set = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| set.set(core));
    set
}

fn pin_threads(process: u32, cores: &CpuSet) {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    let numbers = threads.filter_map(|thread| thread.ok()?.file_name().to_str()?.parse().ok());
    for thread in numbers.filter_map(Pid::from_raw) {
        // A thread may have ended since it was listed.
        let _ = sched_setaffinity(Some(thread), cores);
    }
}
