//! The formats of files of rows.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use asofdb_storage::{Error, Result};

/// The format of a file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputFormat {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC: the file format (also called Feather) or the stream format.
    Ipc,
    /// Fields between commas, or another delimiter, with a line of column names first (RFC 4180).
    Csv,
    /// One JSON object a line, or one array of them.
    Ndjson,
}

/// The endings of file names, in lower case.
const ENDINGS: [(&str, InputFormat); 11] = [
    ("parquet", InputFormat::Parquet),
    ("pq", InputFormat::Parquet),
    ("arrow", InputFormat::Ipc),
    ("arrows", InputFormat::Ipc),
    ("feather", InputFormat::Ipc),
    ("ipc", InputFormat::Ipc),
    ("csv", InputFormat::Csv),
    ("tsv", InputFormat::Csv),
    ("ndjson", InputFormat::Ndjson),
    ("jsonl", InputFormat::Ndjson),
    ("json", InputFormat::Ndjson),
];

impl InputFormat {
    /// Every format.
    pub const ALL: [InputFormat; 4] = [InputFormat::Parquet, InputFormat::Ipc, InputFormat::Csv, InputFormat::Ndjson];

    /// The name used on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            InputFormat::Parquet => "parquet",
            InputFormat::Ipc => "ipc",
            InputFormat::Csv => "csv",
            InputFormat::Ndjson => "ndjson",
        }
    }

    /// The name used in messages.
    pub(super) const fn title(self) -> &'static str {
        match self {
            InputFormat::Parquet => "Parquet",
            InputFormat::Ipc => "Arrow IPC",
            InputFormat::Csv => "CSV",
            InputFormat::Ndjson => "NDJSON",
        }
    }

    /// The format that the ending of a file's name says.
    ///
    /// # Errors
    /// `Invalid` when it says none.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let known = ENDINGS.iter().find(|(known, _)| *known == ending);
        known.map(|(_, format)| *format).ok_or_else(|| {
            Error::invalid(format!(
                "the ending of file {path:?} does not tell its format (.parquet, .arrow, .csv, .ndjson, ..); \
                 give it with --input-format"
            ))
        })
    }
}

impl fmt::Display for InputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for InputFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = InputFormat::ALL.into_iter().find(|format| format.name() == text);
        known.ok_or_else(|| Error::invalid(format!("an input format is parquet, ipc, csv or ndjson: {text:?}")))
    }
}
