//! The limits of this process: addresses and threads, asked before RocksDB needs them.
//!
//! RocksDB's C++ throws where it gets no thread or no memory, and an exception that leaves C++ ends the process without
//! a word that helps. So all threads are started while a store opens, after a trial, and the memory that is promised
//! must fit into what the process may map.

use std::fs;
use std::sync::mpsc;

use parking_lot::Mutex;
use rocksdb::Env;

use super::options::{MEMORY_BUDGET_BYTES_MIN, OPENING_THREADS, Options};
use crate::error::{Error, Result};

/// Addresses that a process needs above the store's budget: an ingest holds three chunks of 128 MiB, and allocators
/// keep memory apart for each thread.
const WORKING_BYTES: u64 = 512 << 20;

/// Threads that RocksDB and this crate start now and then: its timer, the two that recover from a full disk, the
/// committer, the second one of a bulk load.
const OTHER_THREADS: usize = 5;

/// The stack of a thread of RocksDB where the process has no limit on stacks, as the C library chooses it.
const STACK_BYTES_UNLIMITED: u64 = 2 << 20;

/// The sizes of RocksDB's two pools, which all stores of a process share.
#[derive(Clone, Copy)]
struct Pools {
    compactions: usize,
    flushes: usize,
}

impl Pools {
    /// At least two in each: RocksDB starts a pool's threads at once when it grows, but the first of each only when
    /// there is work for it, which is too late to refuse.
    fn of(options: &Options) -> Self {
        Pools { compactions: options.background_jobs.max(2), flushes: (options.background_jobs / 4).max(2) }
    }

    fn threads(self) -> usize {
        self.compactions + self.flushes
    }
}

/// The sizes that the pools have; they only grow, as other stores may be open.
static STARTED: Mutex<Pools> = Mutex::new(Pools { compactions: 0, flushes: 0 });

/// Makes sure that this process may have the memory and the threads that a store with these options needs, and starts
/// the threads.
///
/// # Errors
/// `Invalid` when the memory budget does not fit into the limit on addresses; `Unavailable` when the threads cannot be
/// started.
pub(super) fn prepare(options: &Options) -> Result<()> {
    let stack_bytes = limit("Max stack size").unwrap_or(STACK_BYTES_UNLIMITED);
    let wanted = Pools::of(options);
    let mut started = STARTED.lock();
    let pools = Pools {
        compactions: wanted.compactions.max(started.compactions),
        flushes: wanted.flushes.max(started.flushes),
    };
    let threads = pools.threads() - started.threads() + OPENING_THREADS + OTHER_THREADS;
    if let (Some(limit), Some(mapped)) = (limit("Max address space"), mapped()) {
        check_budget(options.memory_budget_bytes as u64, limit, mapped + threads as u64 * stack_bytes)?;
    }
    try_threads(threads, stack_bytes)?;
    start_nicely(pools, options.background_niceness)?;
    *started = pools;
    Ok(())
}

impl Options {
    /// Returns the default options, with a smaller memory budget where the process's limit on addresses leaves no room
    /// for the default one, but never less than the least.
    pub fn within_limits() -> Self {
        let mut options = Options::default();
        let stacks = (Pools::of(&options).threads() + OPENING_THREADS + OTHER_THREADS) as u64
            * limit("Max stack size").unwrap_or(STACK_BYTES_UNLIMITED);
        if let (Some(limit), Some(mapped)) = (limit("Max address space"), mapped()) {
            let room = limit.saturating_sub(mapped + stacks + WORKING_BYTES) / 2;
            options.memory_budget_bytes = options.memory_budget_bytes.min(room as usize).max(MEMORY_BUDGET_BYTES_MIN);
        }
        options
    }
}

/// Refuses a budget that the limit on addresses has no room for; `taken` is what is mapped or soon will be.
fn check_budget(budget: u64, limit: u64, taken: u64) -> Result<()> {
    let needed = taken + WORKING_BYTES + budget;
    if needed <= limit {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "this process may map {limit} bytes of addresses (ulimit -v), and the store needs {needed}: {budget} for \
         memory_budget_bytes, {WORKING_BYTES} to work with, {taken} for the program and its threads; raise the limit \
         or make memory_budget_bytes smaller"
    )))
}

/// Starts as many threads at a time as will be needed, with as large stacks, and ends them.
fn try_threads(count: usize, stack_bytes: u64) -> Result<()> {
    let mut started = Vec::with_capacity(count);
    for _ in 0..count {
        let (end, ended) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().stack_size(stack_bytes as usize).spawn(move || {
            // Ends when the other end is dropped.
            let _ = ended.recv();
        });
        match thread {
            Ok(thread) => started.push((end, thread)),
            Err(error) => {
                let count_started = started.len();
                finish(started);
                return Err(too_few(count_started, count, stack_bytes).with_source(error));
            }
        }
    }
    finish(started);
    Ok(())
}

fn finish(started: Vec<(mpsc::Sender<()>, std::thread::JoinHandle<()>)>) {
    let (ends, threads): (Vec<_>, Vec<_>) = started.into_iter().unzip();
    drop(ends);
    for thread in threads {
        // It does nothing that could panic.
        let _ = thread.join();
    }
}

fn too_few(started: usize, wanted: usize, stack_bytes: u64) -> Error {
    let limits = match limit("Max address space") {
        Some(bytes) => format!("it may map {bytes} bytes of addresses (ulimit -v)"),
        None => "its addresses are not limited (ulimit -v)".to_owned(),
    };
    let processes = match limit("Max processes") {
        Some(count) => format!("its user may have {count} threads (ulimit -u)"),
        None => "its user's threads are not limited (ulimit -u)".to_owned(),
    };
    Error::unavailable(format!(
        "the store needs {wanted} threads with stacks of {stack_bytes} bytes (ulimit -s), and this process could start \
         {started}: {limits}, {processes}; raise the limit, that of its control group included"
    ))
}

/// Has RocksDB start its threads from one of this priority, which they inherit. RocksDB itself lowers them only so far
/// that beside others they may get next to nothing.
fn start_nicely(pools: Pools, niceness: u8) -> Result<()> {
    if niceness == 0 {
        return start(pools);
    }
    std::thread::scope(|scope| {
        let work = move || {
            // One that may not is as quick as the others.
            let _ = rustix::process::setpriority_process(None, niceness.into());
            start(pools)
        };
        let thread = std::thread::Builder::new().spawn_scoped(scope, work);
        let thread = thread.map_err(|error| {
            Error::unavailable("cannot start a thread that starts those of RocksDB").with_source(error)
        })?;
        thread.join().unwrap_or_else(|_| Err(Error::internal("starting RocksDB's threads ran into a bug of asofdb")))
    })
}

/// Has RocksDB start the threads of its pools now.
fn start(pools: Pools) -> Result<()> {
    let mut environment =
        Env::new().map_err(|error| Error::internal("RocksDB has no environment").with_source(error.into_string()))?;
    environment.set_low_priority_background_threads(pools.compactions as i32);
    environment.set_high_priority_background_threads(pools.flushes as i32);
    Ok(())
}

/// Returns the soft limit of that name; nothing where it is unlimited, or the system does not tell.
fn limit(name: &str) -> Option<u64> {
    soft_limit(&fs::read_to_string("/proc/self/limits").ok()?, name)
}

fn soft_limit(table: &str, name: &str) -> Option<u64> {
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Returns the bytes of addresses that this process has mapped.
fn mapped() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_budget_that_the_limit_on_addresses_has_no_room_for_is_refused_with_the_rule() {
        check_budget(64 << 20, 1 << 30, 448 << 20).unwrap();
        let error = check_budget((64 << 20) + 1, 1 << 30, 448 << 20).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        for part in ["may map 1073741824 bytes", "the store needs 1073741825: 67108865", "ulimit -v", "raise the limit"]
        {
            assert!(error.message().contains(part), "{error}");
        }
    }

    #[test]
    fn threads_that_cannot_be_started_are_an_error_with_their_number() {
        // No machine has addresses for a thousand stacks of a terabyte.
        let error = try_threads(1_000, 1 << 40).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("needs 1000 threads with stacks of 1099511627776 bytes"), "{error}");
    }

    #[test]
    fn limits_are_read_by_name_and_unlimited_ones_are_none() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max stack size            8388608              unlimited            bytes     \n\
                     Max address space         unlimited            unlimited            bytes     \n";
        assert_eq!(soft_limit(table, "Max stack size"), Some(8 << 20));
        assert_eq!(soft_limit(table, "Max address space"), None);
        assert_eq!(soft_limit(table, "Max processes"), None);
    }
}
