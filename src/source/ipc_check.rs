//! The messages of an Arrow IPC file, looked at before Arrow reads them.

use std::io::{BufReader, Read};
use std::sync::Arc;

use arrow::ipc::{Block, root_as_footer};
use asofdb_storage::{Error, Result};

use super::file::{FileReader, SourceFile};
use super::format::InputFormat;
use crate::ipc::{IpcRules, check_message};

/// Most bytes of a batch once it is not compressed any more: it is in memory as a whole.
const BATCH_BYTES_MAX: u64 = 1 << 30;

/// The rules for a file. Its dictionaries may be added to, as files are written that way.
const RULES: IpcRules =
    IpcRules { compressed: true, deltas: true, rows_max: i64::MAX as u64, body_bytes_max: BATCH_BYTES_MAX };

const CONTINUATION: [u8; 4] = [0xff; 4];
const END_MAGIC: &[u8] = b"ARROW1";

/// Bytes of what ends a file: the length of the footer, and the magic.
const END_BYTES: u64 = 10;

/// Checks every message of a file of the file format, as its footer names them.
///
/// # Errors
/// `Invalid` for a message that is larger than may be, `Corrupt` for a file that is damaged.
pub(super) fn check_file(file: &Arc<SourceFile>) -> Result<()> {
    let broken = |why: &str| file.unreadable(InputFormat::Ipc, why);
    let at = file.len().checked_sub(END_BYTES).ok_or_else(|| broken("it is too short"))?;
    let end = file.bytes(at, END_BYTES as usize).map_err(|error| file.unreadable(InputFormat::Ipc, error))?;
    let (length, magic) = end.split_at(4);
    let length = i32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    let length = u64::try_from(length).ok().filter(|length| magic == END_MAGIC && *length <= at);
    let length = length.ok_or_else(|| broken("it has no footer"))?;
    let footer = file.bytes(at - length, length as usize).map_err(|error| file.unreadable(InputFormat::Ipc, error))?;
    let footer = root_as_footer(&footer).map_err(|error| file.unreadable(InputFormat::Ipc, error))?;
    let blocks = [footer.dictionaries(), footer.recordBatches()];
    blocks.iter().flatten().flatten().try_for_each(|block| check_block(file, block))
}

fn check_block(file: &Arc<SourceFile>, block: &Block) -> Result<()> {
    let broken = || file.unreadable(InputFormat::Ipc, "a batch is not where the footer says");
    let (start, head) = (u64::try_from(block.offset()), u64::try_from(block.metaDataLength()));
    let (Ok(start), Ok(head), Ok(body)) = (start, head, u64::try_from(block.bodyLength())) else {
        return Err(broken());
    };
    let end = start.checked_add(head).and_then(|end| end.checked_add(body));
    if end.is_none_or(|end| end > file.len()) {
        return Err(broken());
    }
    let said = Messages::new(file, start).next()?.ok_or_else(broken)?;
    match said.body <= body {
        true => Ok(()),
        false => Err(broken()),
    }
}

/// Checks every message of a file that is a stream.
///
/// # Errors
/// As [`check_file`].
pub(super) fn check_stream(file: &Arc<SourceFile>) -> Result<()> {
    let mut messages = Messages::new(file, 0);
    while messages.next()?.is_some() {}
    Ok(())
}

/// The messages of a file, one after the other.
struct Messages<'f> {
    file: &'f Arc<SourceFile>,
    at: u64,
}

/// A message that was checked.
struct Checked {
    body: u64,
}

impl<'f> Messages<'f> {
    fn new(file: &'f Arc<SourceFile>, at: u64) -> Self {
        Messages { file, at }
    }

    /// Checks the next message; none at the end of the stream or of the file.
    fn next(&mut self) -> Result<Option<Checked>> {
        let file = self.file;
        if self.at >= file.len() {
            return Ok(None);
        }
        let mut reader = file.glance(self.at);
        let (prefix, length) = self.head_bytes(&mut reader)?;
        if length == 0 {
            return Ok(None);
        }
        let body_at = self.at.checked_add(prefix + length).filter(|at| *at <= file.len()).ok_or_else(|| self.cut())?;
        let mut head = vec![0; length as usize];
        reader.read_exact(&mut head).map_err(|error| file.unreadable(InputFormat::Ipc, error))?;
        let length_at = |start: u64| {
            let mut bytes = [0; 8];
            let at = body_at.checked_add(start).ok_or_else(|| self.cut())?;
            file.glance(at).read_exact(&mut bytes).map_err(|error| file.unreadable(InputFormat::Ipc, error))?;
            Ok(i64::from_le_bytes(bytes))
        };
        let checked = check_message(&head, &RULES, length_at)
            .map_err(|error| Error::new(error.kind(), format!("file {}: {}", file.name(), error.message())))?;
        let next = body_at.checked_add(checked.body_bytes).filter(|at| *at <= file.len());
        self.at = next.ok_or_else(|| self.cut())?;
        Ok(Some(Checked { body: checked.body_bytes }))
    }

    /// Bytes of the prefix of a message, and of its head.
    fn head_bytes(&self, reader: &mut BufReader<FileReader>) -> Result<(u64, u64)> {
        let mut word = || {
            let mut bytes = [0; 4];
            reader.read_exact(&mut bytes).map_err(|error| self.file.unreadable(InputFormat::Ipc, error))?;
            Ok(bytes)
        };
        let (prefix, length) = match word()? {
            CONTINUATION => (8, word()?),
            length => (4, length),
        };
        let length = u64::try_from(i32::from_le_bytes(length)).ok().filter(|length| *length <= self.file.len());
        Ok((prefix, length.ok_or_else(|| self.cut())?))
    }

    fn cut(&self) -> Error {
        self.file.unreadable(InputFormat::Ipc, "a message goes beyond its end")
    }
}
