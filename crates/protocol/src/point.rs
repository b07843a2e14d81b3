//! Reads through a handle, as they travel: the one part of the protocol that is not bincode.
//!
//! Requests and answers are described byte by byte in docs/protocol.md. Values are little-endian, which is what the
//! machines are that this runs on: matrices and records are sent as they lie in memory.

use asofdb::parts::{AskedRows, ReadPlan, Records};
use asofdb::{Error, Question, Result, Status, Timestamp};

use crate::frame::{HEADER_BYTES, Header, Kind};

const _: () = assert!(cfg!(target_endian = "little"), "answers are sent as they lie in memory, little-endian");

/// `known_at` of a request that uses everything.
const EVERYTHING: i64 = i64::MIN;

/// The beginning of a read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointHeader {
    /// Number of the handle.
    pub handle: u32,
    /// Entity rows.
    pub rows: usize,
    /// The present, or a time in the past.
    pub question: Question,
}

impl PointHeader {
    /// Reads the beginning of the body of a [`Kind::Latest`] or [`Kind::AsOf`]; gives the keys that follow.
    ///
    /// # Errors
    /// `Invalid` when it is cut short.
    #[inline]
    pub fn decode(kind: Kind, body: &[u8]) -> Result<(Self, &[u8])> {
        let cut_short = || Error::invalid("a read is cut short");
        let (head, rest) = body.split_first_chunk::<8>().ok_or_else(cut_short)?;
        let [a, b, c, d, e, f, g, h] = *head;
        let (handle, rows) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]) as usize);
        if kind == Kind::Latest {
            return Ok((PointHeader { handle, rows, question: Question::Latest }, rest));
        }
        let (at, rest) = rest.split_first_chunk::<8>().ok_or_else(cut_short)?;
        let (known_at, rest) = rest.split_first_chunk::<8>().ok_or_else(cut_short)?;
        let known_at = i64::from_le_bytes(*known_at);
        let known_at = (known_at != EVERYTHING).then(|| Timestamp::from_micros(known_at));
        let question = Question::AsOf { at: Timestamp::from_micros(i64::from_le_bytes(*at)), known_at };
        Ok((PointHeader { handle, rows, question }, rest))
    }

    /// Returns the kind of the request, which decides its answer.
    pub fn kind(&self) -> Kind {
        match self.question {
            Question::Latest => Kind::Latest,
            Question::AsOf { .. } => Kind::AsOf,
        }
    }

    /// Bytes of the whole request with its keys and values.
    pub fn frame_bytes(&self, asked: &AskedRows) -> usize {
        let head = if self.question == Question::Latest { 8 } else { 24 };
        HEADER_BYTES + head + asked.wire_bytes()
    }

    /// Appends a whole request with its keys and values.
    pub fn encode(&self, id: u64, asked: &AskedRows, out: &mut Vec<u8>) {
        super::put_frame(out, Header::request(self.kind(), id), |out| {
            out.extend_from_slice(&self.handle.to_le_bytes());
            out.extend_from_slice(&(self.rows as u32).to_le_bytes());
            if let Question::AsOf { at, known_at } = self.question {
                out.extend_from_slice(&at.as_micros().to_le_bytes());
                out.extend_from_slice(&known_at.map_or(EVERYTHING, Timestamp::as_micros).to_le_bytes());
            }
            asked.write_to(out);
        });
    }
}

/// The beginning of an answer: how many rows, and how many features (of a matrix) or views (of records) a row has.
pub fn answer_head(rows: usize, width: usize) -> [u8; 8] {
    let mut head = [0; 8];
    head[..4].copy_from_slice(&(rows as u32).to_le_bytes());
    head[4..].copy_from_slice(&(width as u32).to_le_bytes());
    head
}

fn check_head(body: &[u8], rows: usize, width: usize) -> Result<&[u8]> {
    body.strip_prefix(&answer_head(rows, width)).ok_or_else(not_asked)
}

#[cold]
fn not_asked() -> Error {
    Error::corrupt("an answer of the sidecar is not of the shape that was asked for")
}

/// Reads a matrix into the caller's.
///
/// # Errors
/// `Corrupt` when the answer has another shape.
pub fn decode_matrix(
    body: &[u8],
    rows: usize,
    width: usize,
    values: &mut [f32],
    statuses: Option<&mut [Status]>,
) -> Result<()> {
    let cells = check_head(body, rows, width)?;
    let (floats, marks) = cells.split_at_checked(4 * rows * width).ok_or_else(not_asked)?;
    bytemuck::cast_slice_mut::<f32, u8>(values).copy_from_slice(floats);
    let Some(statuses) = statuses else {
        return if marks.is_empty() { Ok(()) } else { Err(not_asked()) };
    };
    if marks.len() != statuses.len() {
        return Err(not_asked());
    }
    for (status, mark) in statuses.iter_mut().zip(marks) {
        *status = *Status::ALL.get(usize::from(*mark)).ok_or_else(not_asked)?;
    }
    Ok(())
}

/// The lengths of the variable sections, which stand before the records.
pub fn variable_lengths(records: &[Records], out: &mut Vec<u8>) {
    out.extend(records.iter().flat_map(|records| (records.variable_bytes() as u64).to_le_bytes()));
}

/// The end of an answer of [`Form::Identified`](crate::Form::Identified) that has no id.
pub const NO_ANSWER_ID: [u8; 1] = [0];

/// The end of an answer of [`Form::Identified`](crate::Form::Identified) with its id: that, and its length.
pub fn answer_id(id: &str) -> Vec<u8> {
    // Ours are short; one that is not is not told.
    let id = if id.len() <= usize::from(u8::MAX) { id } else { "" };
    [id.as_bytes(), &[id.len() as u8]].concat()
}

/// Takes the id from the end of an answer of [`Form::Identified`](crate::Form::Identified); gives what stands before it.
///
/// # Errors
/// `Corrupt` when there is none.
pub fn split_answer_id(body: &[u8]) -> Result<(&[u8], Option<&str>)> {
    let (length, rest) = body.split_last().ok_or_else(not_asked)?;
    let start = rest.len().checked_sub(usize::from(*length)).ok_or_else(not_asked)?;
    let (records, id) = rest.split_at(start);
    let id = std::str::from_utf8(id).map_err(|_| not_asked())?;
    Ok((records, (!id.is_empty()).then_some(id)))
}

/// Reads records.
///
/// # Errors
/// `Corrupt` when the answer has another shape.
pub fn decode_records(plan: &ReadPlan, body: &[u8], rows: usize) -> Result<Vec<Records>> {
    let sources = &plan.sources.list;
    let rest = check_head(body, rows, sources.len())?;
    let (lengths, mut rest) = rest.split_at_checked(8 * sources.len()).ok_or_else(not_asked)?;
    let mut records = Vec::with_capacity(sources.len());
    for (source, length) in sources.iter().zip(lengths.as_chunks::<8>().0) {
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| not_asked())?;
        let (bytes, after) = rest.split_at_checked(source.layout().stride() * rows).ok_or_else(not_asked)?;
        let (variable, after) = after.split_at_checked(length).ok_or_else(not_asked)?;
        records.push(Records::from_parts(source.layout(), rows, bytes, variable)?);
        rest = after;
    }
    if rest.is_empty() { Ok(records) } else { Err(not_asked()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_answer_stands_behind_it_with_its_length() {
        assert_eq!(answer_id("a-1"), b"a-1\x03");
        assert_eq!(answer_id(&"x".repeat(256)), NO_ANSWER_ID);
        assert_eq!(split_answer_id(b"recordsa-1\x03").unwrap(), (&b"records"[..], Some("a-1")));
        assert_eq!(split_answer_id(b"records\x00").unwrap(), (&b"records"[..], None));
        for bad in [&b""[..], b"\x01", b"ab\x03", b"\xff\x01"] {
            assert!(split_answer_id(bad).is_err(), "{bad:?}");
        }
    }
}
