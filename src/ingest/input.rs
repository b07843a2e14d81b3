//! Inputs of an ingest.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use asofdb_storage::{Error, Hint, Result};

use super::identity::{Reached, note_name};
use super::options::IngestOptions;
use super::report::IngestedFile;
use super::target::Target;
use crate::definitions::suggest::did_you_mean;
use crate::rows::encode::ViewEncoder;
use crate::source::{InputFormat, Source, TextOptions};

/// The origin of rows.
pub enum Input {
    /// A file.
    Path(PathBuf),
    /// An open file that can be read at any place, and is called otherwise in messages than by its path. Its format
    /// must be given.
    File {
        /// The file's name.
        name: String,
        /// The file, read from its beginning.
        file: File,
    },
    /// Anything that can be read. It is copied into a temporary file first; its format must be given.
    Reader {
        /// The name in messages.
        name: String,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl Input {
    /// The standard input.
    pub fn stdin() -> Self {
        Input::Reader { name: "standard input".to_owned(), reader: Box::new(std::io::stdin()) }
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Input::File { name, .. } => f.debug_struct("File").field("name", name).finish_non_exhaustive(),
            Input::Reader { name, .. } => f.debug_struct("Reader").field("name", name).finish_non_exhaustive(),
        }
    }
}

/// An input that was opened: its columns suit the view.
pub(super) struct InputFile {
    pub(super) source: Source,
    /// The name of the note about it.
    pub(super) note: Vec<u8>,
    /// The progress of earlier runs.
    pub(super) before: Reached,
    /// The progress so far, counting rows that wait in a chunk.
    pub(super) reached: Reached,
    /// Bad rows found again, of those that earlier runs had read.
    pub(super) rejected_again: u64,
    /// Bytes checked.
    pub(super) checked_bytes: u64,
    /// Bytes encoded to be written.
    pub(super) loaded_bytes: u64,
}

impl InputFile {
    pub(super) fn open(target: &Target<'_>, input: Input, options: &IngestOptions) -> Result<Self> {
        let encoder = target.encoder();
        let mut source = open(encoder, input, options)?;
        project(&mut source, encoder)?;
        let note = note_name(encoder, source.file())?;
        let before = match options.from_scratch {
            true => None,
            false => target.note(&note)?,
        };
        let before = before.map_or_else(|| Ok(Reached::default()), |note| Reached::decode(&note))?;
        let bytes = if before.done { source.bytes_total() } else { 0 };
        Ok(InputFile {
            source,
            note,
            before,
            reached: before,
            rejected_again: 0,
            checked_bytes: bytes,
            loaded_bytes: bytes,
        })
    }

    pub(super) fn report(&self) -> IngestedFile {
        IngestedFile {
            name: self.source.name().to_owned(),
            rows_read: self.reached.read - self.before.read,
            rows_written: self.reached.written - self.before.written,
            rows_rejected: self.reached.rejected - self.before.rejected + self.rejected_again,
            rows_resumed: self.before.read,
        }
    }
}

fn open(encoder: &ViewEncoder, input: Input, options: &IngestOptions) -> Result<Source> {
    let (schema, format) = (encoder.source_schema(), options.input_format);
    let text = TextOptions { hint: Some(&schema), only_hinted: true, delimiter: options.delimiter };
    match input {
        Input::Path(path) => Source::open(path, format, text),
        Input::File { name, file } => Source::of_open_file(&name, file, given(format, &name)?, text),
        Input::Reader { name, reader } => Source::read(reader, &name, given(format, &name)?, text),
    }
}

/// The format of an input whose name has no ending.
fn given(format: Option<InputFormat>, name: &str) -> Result<InputFormat> {
    format.ok_or_else(|| {
        Error::invalid(format!("the format of {name} must be given: parquet, ipc, csv or ndjson"))
            .with_hint(Hint::InputFormat)
    })
}

/// Reads the columns of the view only, and the marks of an export; the created timestamp may be missing.
fn project(source: &mut Source, encoder: &ViewEncoder) -> Result<()> {
    let (view, schema) = (encoder.view(), source.schema());
    let has = |name: &str| schema.index_of(name).is_ok();
    let keys = view.join_keys.iter().map(|key| ("join key", key.name.as_str()));
    let features = view.features.iter().map(|feature| ("feature", feature.name.as_str()));
    let needed: Vec<_> = keys.chain([("timestamp", view.event_column.as_str())]).chain(features).collect();
    if let Some((what, name)) = needed.iter().find(|(_, name)| !has(name)) {
        let hint = did_you_mean(name, schema.fields().iter().map(|field| field.name().as_str()));
        let file = source.name();
        let view = &view.name;
        return Err(Error::invalid(format!("file {file} has no column for {what} {name:?} of view {view:?}{hint}")));
    }
    let optional = encoder.created_column(&schema).into_iter().chain(encoder.deleted_column(&schema));
    let columns: Vec<_> = needed.iter().map(|(_, name)| *name).chain(optional).collect();
    source.project(&columns)
}
