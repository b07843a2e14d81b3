//! The head of a message of Arrow IPC, checked before Arrow allocates by it.
//!
//! The head says how many rows, values and bytes follow, and Arrow believes it. Here it is compared with the bytes that
//! are there: buffers lie within the body and share nothing, so that copying them cannot make more of them; columns
//! have no more values than the body could hold, each at a bit; and the head itself does not expand when it is read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::{Message, RecordBatch, root_as_message_with_opts};
use asofdb_storage::{BATCH_ROWS_MAX, Error, Result};
use flatbuffers::VerifierOptions;

/// Most columns of a batch or a file, those within others included: some times the features that a view can have.
pub const COLUMNS_MAX: usize = 16_384;

/// Bytes of a table of the head at least: where it is said to be, and where its fields are.
const TABLE_BYTES_MIN: usize = 8;

/// Bytes that are read for each byte of the head at most: descriptions of tables are shared by tables that are alike.
const READ_BYTES_EACH: usize = 16;

/// Bytes that say how long a compressed buffer is before it was compressed.
const LENGTH_BYTES: u64 = 8;

/// The limits of a message.
#[derive(Debug, Clone, Copy)]
pub struct IpcRules {
    /// True if it may be compressed.
    pub compressed: bool,
    /// True if a dictionary may be added to, which copies it.
    pub deltas: bool,
    /// Most rows of a batch.
    pub rows_max: u64,
    /// Most bytes of a body, once it is not compressed any more.
    pub body_bytes_max: u64,
}

/// The contents of a message's head.
#[derive(Debug)]
pub struct MessageHead {
    /// Bytes of the body that follows.
    pub body_bytes: u64,
    /// The schema, if that is what the message has.
    pub schema: Option<SchemaRef>,
}

/// Most values of a column whose body has this many bytes.
fn message_values_max(body_bytes: u64) -> u64 {
    body_bytes.saturating_mul(8).max(BATCH_ROWS_MAX as u64)
}

/// Reads the head of a message and checks it. `length_at` reads the eight bytes at a place of the body, which say how
/// long a compressed buffer becomes.
///
/// # Errors
/// `Invalid` when it breaks a rule, which is named; whatever `length_at` fails with.
pub fn check_message(head: &[u8], rules: &IpcRules, length_at: impl FnMut(u64) -> Result<i64>) -> Result<MessageHead> {
    let options = VerifierOptions {
        max_tables: head.len() / TABLE_BYTES_MIN + 1,
        max_apparent_size: head.len().saturating_mul(READ_BYTES_EACH),
        ..VerifierOptions::default()
    };
    let message = root_as_message_with_opts(&options, head)
        .map_err(|error| Error::invalid(format!("a message of the Arrow IPC stream cannot be read: {error}")))?;
    let body_bytes = u64::try_from(message.bodyLength()).map_err(|_| cut_short())?;
    check_body(body_bytes, rules)?;
    if let Some(batch) = batch_of(&message, rules)? {
        check_batch(&batch, body_bytes, rules, length_at)?;
    }
    Ok(MessageHead { body_bytes, schema: schema_of(&message)? })
}

fn schema_of(message: &Message<'_>) -> Result<Option<SchemaRef>> {
    let Some(schema) = message.header_as_schema() else { return Ok(None) };
    let schema = try_fb_to_schema(schema)
        .map_err(|error| Error::invalid("the schema of the Arrow IPC stream cannot be read").with_source(error))?;
    match schema.flattened_fields().len() {
        count if count > COLUMNS_MAX => Err(Error::invalid(format!(
            "Arrow IPC has at most {COLUMNS_MAX} columns, those within others included: {count}"
        ))),
        _ => Ok(Some(Arc::new(schema))),
    }
}

fn batch_of<'m>(message: &Message<'m>, rules: &IpcRules) -> Result<Option<RecordBatch<'m>>> {
    let Some(dictionary) = message.header_as_dictionary_batch() else { return Ok(message.header_as_record_batch()) };
    match dictionary.isDelta() && !rules.deltas {
        true => {
            Err(Error::invalid("a dictionary of the Arrow IPC stream is sent whole, not as an addition to another"))
        }
        false => Ok(dictionary.data()),
    }
}

fn check_body(bytes: u64, rules: &IpcRules) -> Result<()> {
    match bytes <= rules.body_bytes_max {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "a batch of Arrow IPC has at most {} bytes, uncompressed: {bytes}; write batches of fewer rows",
            rules.body_bytes_max
        ))),
    }
}

fn check_batch(
    batch: &RecordBatch<'_>,
    body_bytes: u64,
    rules: &IpcRules,
    length_at: impl FnMut(u64) -> Result<i64>,
) -> Result<()> {
    if !u64::try_from(batch.length()).is_ok_and(|rows| rows <= rules.rows_max) {
        return Err(Error::invalid(format!("a batch has at most {} rows: {}", rules.rows_max, batch.length())));
    }
    let stored = check_buffers(batch, body_bytes)?;
    let plain = match batch.compression() {
        None => stored,
        Some(_) if rules.compressed => uncompressed(batch, body_bytes, length_at)?,
        Some(_) => {
            return Err(Error::invalid("an Arrow IPC stream to the sidecar is not compressed: write it without"));
        }
    };
    check_body(plain, rules)?;
    check_nodes(batch, plain)
}

/// Checks that the buffers lie in the body and share nothing; returns their bytes.
fn check_buffers(batch: &RecordBatch<'_>, body_bytes: u64) -> Result<u64> {
    let mut sum = 0u64;
    for buffer in batch.buffers().iter().flatten() {
        let (start, length) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length()));
        let (Ok(start), Ok(length)) = (start, length) else { return Err(cut_short()) };
        if start.checked_add(length).is_none_or(|end| end > body_bytes) {
            return Err(cut_short());
        }
        sum = sum.saturating_add(length);
    }
    match sum <= body_bytes {
        true => Ok(sum),
        false => Err(Error::invalid("two columns of the Arrow IPC stream share their bytes; write each of its own")),
    }
}

/// Bytes of the buffers before they were compressed, as they say.
fn uncompressed(
    batch: &RecordBatch<'_>,
    body_bytes: u64,
    mut length_at: impl FnMut(u64) -> Result<i64>,
) -> Result<u64> {
    let mut sum = 0u64;
    for buffer in batch.buffers().iter().flatten().filter(|buffer| buffer.length() > 0) {
        // Checked to be no less than zero.
        let (start, stored) = (buffer.offset() as u64, buffer.length() as u64);
        if stored < LENGTH_BYTES || start + LENGTH_BYTES > body_bytes {
            return Err(cut_short());
        }
        // A length of -1 says that the buffer is not compressed.
        sum = sum.saturating_add(u64::try_from(length_at(start)?).unwrap_or(stored));
    }
    Ok(sum)
}

/// Checks that no column claims more values than the bytes could hold.
fn check_nodes(batch: &RecordBatch<'_>, bytes: u64) -> Result<()> {
    let most = message_values_max(bytes);
    for node in batch.nodes().iter().flatten() {
        let is_good = (0..=node.length()).contains(&node.null_count())
            && u64::try_from(node.length()).is_ok_and(|length| length <= most);
        if !is_good {
            let (length, nulls) = (node.length(), node.null_count());
            return Err(Error::invalid(format!(
                "a column of an Arrow IPC batch of {bytes} bytes has at most {most} values: {length} with {nulls} nulls"
            )));
        }
    }
    Ok(())
}

#[cold]
fn cut_short() -> Error {
    Error::invalid("the Arrow IPC stream is cut short")
}
