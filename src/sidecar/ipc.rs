//! Arrow IPC streams from strangers, and to them.
//!
//! The reader of the library takes lengths as they come, and a length that lies would make it ask for more memory
//! than there is. Here each message is looked at first: its lengths are within the bytes that arrived, and its
//! buffers are not compressed, so that nothing grows while it is read.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::root_as_message;
use arrow::ipc::writer::StreamWriter;
use asofdb_storage::{BATCH_ROWS_MAX, Error, Result};

const CONTINUATION: [u8; 4] = [0xff; 4];

/// Reads a whole stream.
///
/// # Errors
/// `Invalid` when it is cut short, compressed, or no Arrow IPC stream.
pub(crate) fn read_stream(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut decoder = StreamReader::default();
    let mut batches = Vec::new();
    decoder.push(bytes, &mut batches)?;
    Ok((decoder.finish()?, batches))
}

/// Reads a stream that arrives in pieces, each of whole messages.
#[derive(Debug, Default)]
pub(crate) struct StreamReader {
    decoder: StreamDecoder,
    ended: bool,
}

impl StreamReader {
    /// Takes a piece and appends its batches.
    ///
    /// # Errors
    /// `Invalid` when it is compressed, or no piece of an Arrow IPC stream of whole messages.
    pub(crate) fn push(&mut self, bytes: &[u8], batches: &mut Vec<RecordBatch>) -> Result<()> {
        self.ended |= check_messages(bytes)?;
        // A copy of its own: arrays keep it alive, and its start is aligned as theirs must be.
        let mut buffer = Buffer::from(bytes);
        while !buffer.is_empty() {
            if let Some(batch) = self.decoder.decode(&mut buffer).map_err(unreadable)? {
                batches.push(batch);
            }
        }
        Ok(())
    }

    /// The schema, once the stream has ended.
    ///
    /// # Errors
    /// `Invalid` when it has not, or there was no schema.
    pub(crate) fn finish(mut self) -> Result<SchemaRef> {
        if !self.ended {
            self.decoder.finish().map_err(unreadable)?;
        }
        self.schema().ok_or_else(|| Error::invalid("an Arrow IPC stream begins with a schema"))
    }

    /// The schema, if it has arrived.
    pub(crate) fn schema(&self) -> Option<SchemaRef> {
        self.decoder.schema()
    }
}

#[cold]
fn unreadable(error: arrow::error::ArrowError) -> Error {
    Error::invalid("the Arrow IPC stream cannot be read").with_source(error)
}

/// Looks at the messages one after the other; tells whether the stream's end is among them.
fn check_messages(mut bytes: &[u8]) -> Result<bool> {
    while !bytes.is_empty() {
        let after = bytes.strip_prefix(&CONTINUATION).unwrap_or(bytes);
        let (length, rest) = after.split_first_chunk::<4>().ok_or_else(cut_short)?;
        let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| cut_short())?;
        if length == 0 {
            return match rest.is_empty() {
                true => Ok(true),
                false => Err(Error::invalid("the Arrow IPC stream goes on after its end")),
            };
        }
        let (metadata, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
        let body = check_message(metadata)?;
        bytes = rest.get(body..).ok_or_else(cut_short)?;
    }
    Ok(false)
}

/// Checks a message; returns the bytes of its body.
fn check_message(metadata: &[u8]) -> Result<usize> {
    let message = root_as_message(metadata)
        .map_err(|error| Error::invalid(format!("a message of the Arrow IPC stream cannot be read: {error}")))?;
    let batch = message
        .header_as_record_batch()
        .or_else(|| message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()));
    if let Some(batch) = batch {
        if batch.compression().is_some() {
            return Err(Error::invalid("an Arrow IPC stream to the sidecar is not compressed: write it without"));
        }
        if !(0..=BATCH_ROWS_MAX as i64).contains(&batch.length()) {
            let message = format!("a batch has at most {BATCH_ROWS_MAX} rows: {}", batch.length());
            return Err(Error::invalid(message));
        }
    }
    usize::try_from(message.bodyLength()).map_err(|_| cut_short())
}

#[cold]
fn cut_short() -> Error {
    Error::invalid("the Arrow IPC stream is cut short")
}

/// Writes batches as a stream, piece by piece.
pub(crate) struct StreamPieces {
    writer: StreamWriter<Vec<u8>>,
}

impl StreamPieces {
    /// Begins a stream; its first piece has the schema.
    ///
    /// # Errors
    /// `Internal` when the schema cannot be written.
    pub(crate) fn new(schema: &Schema) -> Result<Self> {
        StreamWriter::try_new(Vec::new(), schema).map(|writer| StreamPieces { writer }).map_err(unwritable)
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// `Internal` when it cannot be written.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(unwritable)
    }

    /// Bytes that wait to be taken.
    pub(crate) fn bytes(&self) -> usize {
        self.writer.get_ref().len()
    }

    /// Takes what has been written so far: whole messages.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }

    /// Ends the stream and takes what is left of it.
    ///
    /// # Errors
    /// `Internal` when the end cannot be written.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.writer.finish().map_err(unwritable)?;
        Ok(self.take())
    }
}

fn unwritable(error: arrow::error::ArrowError) -> Error {
    Error::internal("cannot write an Arrow IPC stream").with_source(error)
}

/// One batch as a whole stream.
///
/// # Errors
/// `Internal` when it cannot be written.
pub(crate) fn write_stream(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut pieces = StreamPieces::new(batch.schema_ref())?;
    pieces.write(batch)?;
    pieces.finish()
}
