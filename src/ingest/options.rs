//! Options of an ingest.

use std::path::PathBuf;

use asofdb_storage::{Error, Result};

use crate::source::{Delimiter, InputFormat};

/// Bytes of keys and rows of a chunk, where the options do not say: two are in memory, one being filled and one being
/// gathered or loaded.
pub const INGEST_CHUNK_BYTES_DEFAULT: usize = 128 << 20;

/// Bytes that become part of the store in one step, where the options do not say: some hundred million rows.
pub const INGEST_STEP_BYTES_DEFAULT: u64 = 32 << 30;

/// Fewest bytes of a chunk: smaller ones would spend their time on syncing.
pub const INGEST_CHUNK_BYTES_MIN: usize = 64 << 10;

/// Options of an ingest.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// The format of the inputs; `None`: what their names end in.
    pub input_format: Option<InputFormat>,
    /// The delimiter between the fields of CSV; `None`: a tab where a name ends in `.tsv`, else a comma. Inputs of
    /// another format are refused where it is given.
    pub delimiter: Option<Delimiter>,
    /// Bad rows are set aside in this file instead of refusing everything.
    ///
    /// NDJSON, one object a bad row, in the order of the inputs:
    /// `{"file": .., "row": 17, "line": 18, "reason": .., "values": {..}}`, rows and lines counted from 1, `line` for
    /// text formats only. It must not exist, appears only at the end, and only if there are bad rows. After an
    /// interruption it is written anew by the next run, with the bad rows of what had been read before too.
    pub rejects: Option<PathBuf>,
    /// Write everything again, also what an earlier run has written.
    pub from_scratch: bool,
    /// Bytes of keys and rows that are in memory before they are gathered on disk, or loaded, at least
    /// [`INGEST_CHUNK_BYTES_MIN`]. About three times as much memory is used.
    pub chunk_bytes: usize,
    /// Bytes of keys and rows that become part of the store in one step. Those that do not fit into a chunk are gathered
    /// in the store's directory, sorted, and written again when the step is complete: up to twice as much disk is used
    /// meanwhile. No more bytes than a chunk has: nothing is gathered, and each chunk is a step. Where rows have no created
    /// timestamp of their own, a step has at most 4 GiB: while it is written, reads that ask what is known now wait.
    pub step_bytes: u64,
}

impl Default for IngestOptions {
    fn default() -> Self {
        IngestOptions {
            input_format: None,
            delimiter: None,
            rejects: None,
            from_scratch: false,
            chunk_bytes: INGEST_CHUNK_BYTES_DEFAULT,
            step_bytes: INGEST_STEP_BYTES_DEFAULT,
        }
    }
}

impl IngestOptions {
    /// Refuses options out of range.
    ///
    /// # Errors
    /// `Invalid`, naming the rule.
    pub(super) fn check(&self) -> Result<()> {
        if self.chunk_bytes >= INGEST_CHUNK_BYTES_MIN {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a chunk of an ingest has at least {INGEST_CHUNK_BYTES_MIN} bytes: {}",
            self.chunk_bytes
        )))
    }
}
