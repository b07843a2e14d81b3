//! Arrow IPC streams from strangers, and to them.
//!
//! The reader of the library takes lengths as they come, and a length that lies would make it ask for more memory
//! than there is. So each message is looked at first ([`check_message`]): its lengths are within the bytes that arrived,
//! and nothing is compressed, shared or added to, so that nothing grows while it is read. What it becomes once it is
//! plain is for whoever makes it plain to ask (`asofdb::parts::plain_bytes`).

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use asofdb::parts::{IpcRules, batch_bytes, check_message, guarded};
use asofdb::storage::BATCH_ROWS_MAX;
use asofdb::{Error, Result};

/// Bytes of a piece of a stream, about: large enough that a frame costs nothing, small enough to be no memory.
pub const PIECE_BYTES: usize = 1 << 20;

const CONTINUATION: [u8; 4] = [0xff; 4];

/// Reads a whole stream.
///
/// # Errors
/// `Invalid` when it is cut short, compressed, or no Arrow IPC stream.
pub fn read_stream(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let mut decoder = StreamReader::default();
    let mut batches = Vec::new();
    decoder.push(bytes, &mut batches)?;
    Ok((decoder.finish()?, batches))
}

/// The rules for clients: messages that do not grow while they are read. Bodies are bounded by what has arrived.
const RULES: IpcRules =
    IpcRules { compressed: false, deltas: false, rows_max: BATCH_ROWS_MAX as u64, body_bytes_max: u64::MAX };

/// Reads a stream that arrives in pieces, each of whole messages.
#[derive(Debug, Default)]
pub struct StreamReader {
    decoder: StreamDecoder,
    /// The schema, kept apart: the decoder knows a schema only once something follows it.
    schema: Option<SchemaRef>,
    ended: bool,
}

impl StreamReader {
    /// Takes a piece and appends its batches. After an error the reader is of no use any more.
    ///
    /// # Errors
    /// `Invalid` when it is compressed, or no piece of an Arrow IPC stream of whole messages.
    pub fn push(&mut self, bytes: &[u8], batches: &mut Vec<RecordBatch>) -> Result<()> {
        let checked = guarded(broken, || check_messages(bytes))?;
        self.ended |= checked.ended;
        self.schema = self.schema.take().or(checked.schema);
        // A copy of its own: arrays keep it alive, and its start is aligned as theirs must be.
        let mut buffer = Buffer::from(bytes);
        guarded(broken, || {
            while !buffer.is_empty() {
                if let Some(batch) = self.decoder.decode(&mut buffer).map_err(unreadable)? {
                    batches.push(batch);
                }
            }
            Ok(())
        })
    }

    /// The schema, once the stream has ended.
    ///
    /// # Errors
    /// `Invalid` when it has not, or there was no schema.
    pub fn finish(mut self) -> Result<SchemaRef> {
        if !self.ended {
            self.decoder.finish().map_err(unreadable)?;
        }
        self.schema().ok_or_else(|| Error::invalid("an Arrow IPC stream begins with a schema"))
    }

    /// The schema, if it has arrived.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.schema.clone()
    }
}

#[cold]
fn unreadable(error: arrow::error::ArrowError) -> Error {
    Error::invalid("the Arrow IPC stream cannot be read").with_source(error)
}

#[cold]
fn broken() -> Error {
    Error::invalid("the Arrow IPC stream cannot be read: it contradicts itself")
}

/// The findings of a look at the messages of a piece.
#[derive(Debug, Default)]
struct Checked {
    schema: Option<SchemaRef>,
    /// True if the stream's end is among them.
    ended: bool,
}

/// Looks at the messages one after the other.
fn check_messages(mut bytes: &[u8]) -> Result<Checked> {
    let mut checked = Checked::default();
    while !bytes.is_empty() {
        let after = bytes.strip_prefix(&CONTINUATION).unwrap_or(bytes);
        let (length, rest) = after.split_first_chunk::<4>().ok_or_else(cut_short)?;
        let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|_| cut_short())?;
        if length == 0 {
            checked.ended = true;
            return match rest.is_empty() {
                true => Ok(checked),
                false => Err(Error::invalid("the Arrow IPC stream goes on after its end")),
            };
        }
        let (head, rest) = rest.split_at_checked(length).ok_or_else(cut_short)?;
        // Nothing is compressed, so nothing else has a length to be looked up.
        let head = check_message(head, &RULES, |_| Err(cut_short()))?;
        checked.schema = checked.schema.take().or(head.schema);
        bytes = usize::try_from(head.body_bytes).ok().and_then(|body| rest.get(body..)).ok_or_else(cut_short)?;
    }
    Ok(checked)
}

#[cold]
fn cut_short() -> Error {
    Error::invalid("the Arrow IPC stream is cut short")
}

/// Writes batches as a stream, piece by piece.
pub struct StreamPieces {
    writer: StreamWriter<Vec<u8>>,
}

impl StreamPieces {
    /// Begins a stream; its first piece has the schema.
    ///
    /// # Errors
    /// `Internal` when the schema cannot be written.
    pub fn new(schema: &Schema) -> Result<Self> {
        StreamWriter::try_new(Vec::new(), schema).map(|writer| StreamPieces { writer }).map_err(unwritable)
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// `Internal` when it cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(unwritable)
    }

    /// Bytes that wait to be taken.
    pub fn bytes(&self) -> usize {
        self.writer.get_ref().len()
    }

    /// Takes what has been written so far: whole messages.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }

    /// Ends the stream and takes what is left of it.
    ///
    /// # Errors
    /// `Internal` when the end cannot be written.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        self.writer.finish().map_err(unwritable)?;
        Ok(self.take())
    }
}

fn unwritable(error: arrow::error::ArrowError) -> Error {
    Error::internal("cannot write an Arrow IPC stream").with_source(error)
}

/// Cuts a batch into parts of about `bytes` or less, as far as its rows are of one size.
pub fn parts(batch: &RecordBatch, bytes: usize) -> impl Iterator<Item = RecordBatch> {
    let rows = batch.num_rows();
    let parts = batch_bytes(batch).div_ceil(bytes).max(1);
    let part_rows = rows.div_ceil(parts).clamp(1, BATCH_ROWS_MAX);
    (0..rows).step_by(part_rows).map(move |start| batch.slice(start, part_rows.min(rows - start)))
}

/// One batch as a whole stream.
///
/// # Errors
/// `Internal` when it cannot be written.
pub fn write_stream(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut pieces = StreamPieces::new(batch.schema_ref())?;
    pieces.write(batch)?;
    pieces.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, DictionaryArray, FixedSizeListArray, Int32Array, Int64Array, ListArray, NullArray, RunArray,
        StringArray, StringViewArray,
    };
    use arrow::compute::concat_batches;
    use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
    use asofdb::parts::{check_plain, plain_bytes};

    use super::*;

    fn batch(rows: usize, text_bytes: usize) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|_| "x".repeat(text_bytes))));
        RecordBatch::try_from_iter([("n", numbers), ("t", texts)]).unwrap()
    }

    #[test]
    fn parts_are_of_about_the_size_asked_and_give_the_batch() {
        for (rows, text_bytes, count) in [(0, 10, 0), (1, 10, 1), (1, 5_000, 1), (1_000, 1_000, 100), (10, 5_000, 5)] {
            let whole = batch(rows, text_bytes);
            let parts: Vec<_> = parts(&whole, 10_000).collect();
            assert_eq!(parts.len(), count, "{rows} {text_bytes}");
            assert!(parts.iter().all(|part| part.num_rows() == 1 || batch_bytes(part) < 11_000));
            assert_eq!(concat_batches(&whole.schema(), &parts).unwrap(), whole);
        }
    }

    #[test]
    fn a_stream_in_pieces_reads_back_and_its_schema_is_known_at_once() {
        let whole = batch(100, 10);
        let mut pieces = StreamPieces::new(&whole.schema()).unwrap();
        let (mut reader, mut read) = (StreamReader::default(), Vec::new());
        assert_eq!(reader.schema(), None);
        reader.push(&pieces.take(), &mut read).unwrap();
        assert_eq!(reader.schema(), Some(whole.schema()));
        for part in parts(&whole, 500) {
            pieces.write(&part).unwrap();
            reader.push(&pieces.take(), &mut read).unwrap();
        }
        reader.push(&pieces.finish().unwrap(), &mut read).unwrap();
        assert_eq!(concat_batches(&whole.schema(), &read).unwrap(), whole);
        assert_eq!(reader.finish().unwrap(), whole.schema());
    }

    #[test]
    fn pieces_that_are_cut_or_go_on_after_the_end_are_refused() {
        let stream = write_stream(&batch(100, 10)).unwrap();
        for end in (1..stream.len()).step_by(7) {
            assert!(read_stream(&stream[..end]).is_err() || end % 8 == 0, "{end}");
        }
        let message = read_stream(&[stream.as_slice(), &stream].concat()).unwrap_err().to_string();
        assert_eq!(message, "the Arrow IPC stream goes on after its end");
        assert_eq!(read_stream(&[]).unwrap_err().kind(), asofdb::storage::ErrorKind::Invalid);
    }

    /// A column of a type that says much in few bytes, and others beside it.
    fn dictionary(rows: usize) -> RecordBatch {
        let names: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(
            Int32Array::from(vec![0; rows]),
            Arc::new(StringArray::from(vec!["x".repeat(900_000)])),
        ));
        RecordBatch::try_from_iter([("name", names)]).unwrap()
    }

    fn mixed() -> RecordBatch {
        let texts: StringViewArray = (0..50).map(|n| Some(format!("a text of more than twelve bytes, {n}"))).collect();
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>((0..50).map(|n| Some(vec![Some(n), None])));
        let runs =
            RunArray::<Int32Type>::try_new(&Int32Array::from(vec![20, 50]), &Int64Array::from(vec![1, 2])).unwrap();
        let names: DictionaryArray<Int32Type> = (0..50).map(|n| if n % 2 == 0 { "even" } else { "odd" }).collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("texts", Arc::new(texts)),
            ("lists", Arc::new(lists)),
            ("runs", Arc::new(runs)),
            ("names", Arc::new(names)),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn a_small_stream_of_a_dictionary_is_read_and_what_it_becomes_is_counted() {
        let stream = write_stream(&dictionary(2_000)).unwrap();
        assert!(stream.len() < 1_000_000);
        let (_, batches) = read_stream(&stream).unwrap();
        assert_eq!(plain_bytes(&batches[0], 0..2_000, 1 << 40), Some(2_000 * 900_016));
        assert_eq!(plain_bytes(&batches[0], 0..2_000, 256 << 20), None);
        let message = check_plain(&batches[0]).unwrap_err().to_string();
        assert!(message.contains("at most 268435456 bytes once dictionaries"), "{message}");
    }

    #[test]
    fn a_list_of_nulls_claims_no_more_values_than_there_are_bytes_for() {
        let item = Arc::new(Field::new_list_field(DataType::Null, true));
        let lists = FixedSizeListArray::new(item, 1 << 20, Arc::new(NullArray::new(1_000 << 20)), None);
        let batch = RecordBatch::try_from_iter([("l", Arc::new(lists) as ArrayRef)]).unwrap();
        let stream = write_stream(&batch).unwrap();
        assert!(stream.len() < 16 << 10);
        let message = read_stream(&stream).unwrap_err().to_string();
        assert!(message.contains("has at most 1000000 values: 1048576000 with"), "{message}");
    }

    /// A number that depends on `n` alone.
    fn mix(n: u64) -> u64 {
        let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ n >> 31
    }

    #[test]
    fn a_stream_with_any_bytes_changed_is_read_or_refused_and_takes_no_memory() {
        let streams = [write_stream(&mixed()).unwrap(), write_stream(&batch(100, 10)).unwrap()];
        let mut refused = 0;
        for round in 0..20_000u64 {
            let mut bytes = streams[round as usize % 2].clone();
            for change in 0..=round % 4 {
                let random = mix(round * 8 + change);
                let at = random as usize % bytes.len();
                bytes[at] = match random >> 60 {
                    0..=3 => 0xff,
                    4..=7 => 0,
                    8..=11 => bytes[at] ^ 1 << (random >> 32 & 7),
                    _ => (random >> 40) as u8,
                };
            }
            match read_stream(&bytes) {
                Ok((_, batches)) => {
                    // What was read can be looked at, whatever it is.
                    let bytes =
                        |batch: &RecordBatch| plain_bytes(batch, 0..batch.num_rows(), 1 << 20).unwrap_or(1 << 20);
                    assert!(batches.iter().map(bytes).all(|bytes| bytes <= 1 << 20));
                }
                Err(error) => {
                    assert_eq!(error.kind(), asofdb::ErrorKind::Invalid, "{round}: {error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 5_000, "{refused}");
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
        assert!(kib < 256 << 10, "{kib} KiB");
    }
}
