//! Progress of long work.

/// The progress of a long operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Rows done.
    pub rows: u64,
    /// Work done, in the unit of `total`: bytes of input for an ingest, rows or ranges otherwise.
    pub done: u64,
    /// All of the work, if it is known.
    pub total: Option<u64>,
}

/// Called now and then by long operations, from the thread that started them.
pub type OnProgress<'p> = dyn FnMut(Progress) + 'p;
