//! The C library's memory under a limit on addresses.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, getrlimit};

/// The variable by which glibc is told how many arenas it may have. It reads it when a process starts.
const ARENAS_MAX: &str = "MALLOC_ARENA_MAX";

/// Two serve the threads of a store well enough, and reserve 128 MiB.
const FEW: &str = "2";

/// Starts this program anew with few arenas where the process may map few addresses (`ulimit -v`).
///
/// glibc reserves 64 MiB of addresses for nearly every thread that allocates, and keeps them. What is left is too little
/// then for the cache of RocksDB, which ends the process without a word of ours, or for the threads of connections.
/// The program goes on as it is where it cannot be started anew.
pub(crate) fn bound() {
    if getrlimit(Resource::As).current.is_none() || env::var_os(ARENAS_MAX).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut anew = Command::new(program);
    if let Some(name) = arguments.next() {
        anew.arg0(name);
    }
    // Returns only where it fails.
    let _ = anew.args(arguments).env(ARENAS_MAX, FEW).exec();
}
