//! A process as `/proc` shows it.

use std::fs;

/// A process as `/proc` shows it. Of one that has ended every figure is 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    /// The process with this id.
    pub(crate) const fn new(pid: u32) -> Self {
        Process(pid)
    }

    /// Bytes of memory that it has now.
    pub(crate) fn resident_bytes(self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most bytes of memory that it has had since its start, or since [`Process::reset_peak`].
    pub(crate) fn peak_bytes(self) -> u64 {
        self.status("VmHWM:")
    }

    /// Lets the peak begin anew; where the kernel does not allow it, it stays.
    pub(crate) fn reset_peak(self) {
        let _ = fs::write(format!("/proc/{}/clear_refs", self.0), "5");
    }

    /// Open file descriptors.
    pub(crate) fn descriptors(self) -> u64 {
        fs::read_dir(format!("/proc/{}/fd", self.0)).map_or(0, |entries| entries.count() as u64)
    }

    /// A size from its status, in bytes.
    fn status(self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok());
        kib.unwrap_or(0) << 10
    }
}

/// Bytes as MiB, for people.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
