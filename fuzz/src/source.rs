//! Rows from strangers: files of every format and Arrow IPC streams are read or refused, in bounded memory, without a
//! panic.

use asofdb::parts::plain_bytes;
use asofdb::{InputFormat, Source, TextOptions};
use asofdb_protocol::read_stream;

/// Most bytes that a batch which was read may become, for it to be looked at.
const LOOKED_AT_BYTES_MAX: u64 = 16 << 20;

/// An Arrow IPC stream as it comes over the socket.
pub fn fuzz_ipc(data: &[u8]) {
    let Ok((_, batches)) = read_stream(data) else { return };
    for batch in &batches {
        let _ = plain_bytes(batch, 0..batch.num_rows(), LOOKED_AT_BYTES_MAX);
    }
}

/// A file. The first byte says its format.
pub fn fuzz_source(data: &[u8]) {
    let Some((format, file)) = data.split_first() else { return };
    let formats = [InputFormat::Parquet, InputFormat::Ipc, InputFormat::Csv, InputFormat::Ndjson];
    let format = formats[usize::from(*format) % formats.len()];
    let Ok(source) = Source::read(file, "input", format, TextOptions::default()) else { return };
    let Ok(batches) = source.batches() else { return };
    for batch in batches.map_while(Result::ok) {
        let bytes = plain_bytes(&batch, 0..batch.num_rows(), 2 * LOOKED_AT_BYTES_MAX);
        assert!(bytes.is_some(), "a piece becomes too large: {} rows", batch.num_rows());
    }
}
