//! Files that define the streams of a sidecar.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use asofdb::{Error, Result};
use serde::Deserialize;

use crate::options::{Begin, OnBadRecord, StreamOptions};

/// Most bytes of a file that defines streams.
pub const STREAMS_FILE_BYTES_MAX: u64 = 1 << 20;

/// The definition of one stream: a table `[[stream]]` of TOML.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamDefinition {
    /// The view that gets the rows.
    pub view: String,
    /// The address of the source.
    pub from: String,
    /// The name, by which its positions are kept; the address where there is none.
    pub name: Option<String>,
    /// `earliest` or `latest`.
    #[serde(default)]
    begin: BeginName,
    /// The file for bad records; without one they end the stream.
    pub rejects: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BeginName {
    #[default]
    Earliest,
    Latest,
}

impl StreamDefinition {
    /// The settings of the stream.
    pub fn options(&self) -> StreamOptions {
        StreamOptions {
            name: self.name.clone(),
            begin: match self.begin {
                BeginName::Earliest => Begin::Earliest,
                BeginName::Latest => Begin::Latest,
            },
            on_bad_record: self.rejects.clone().map_or(OnBadRecord::Stop, OnBadRecord::SetAside),
            ..StreamOptions::new(&self.view)
        }
    }

    /// The name by which it is known.
    pub fn known_as(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.from)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Streams {
    #[serde(default)]
    stream: Vec<StreamDefinition>,
}

/// Reads a file that defines streams.
///
/// # Errors
/// `Unavailable` when it cannot be read; `Invalid`, naming the file and the rule, when it is no such file, is too large, two
/// streams have one name and view, or one reads what cannot be read again.
pub fn read_streams(path: &Path) -> Result<Vec<StreamDefinition>> {
    let shown = path.display();
    let failed = |error| Error::unavailable(format!("cannot read the streams in {shown}")).with_source(error);
    let mut text = String::new();
    let mut file = File::open(path).map_err(failed)?.take(STREAMS_FILE_BYTES_MAX + 1);
    file.read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > STREAMS_FILE_BYTES_MAX {
        return Err(Error::invalid(format!("{shown}: a file of streams has at most {STREAMS_FILE_BYTES_MAX} bytes")));
    }
    let Streams { stream: streams } =
        toml::from_str(&text).map_err(|error| Error::invalid(format!("{shown}: {error}")))?;
    for (index, stream) in streams.iter().enumerate() {
        let refuse = |rule: &str| Err(Error::invalid(format!("{shown}: stream {:?}: {rule}", stream.known_as())));
        if stream.from == "-" {
            return refuse("the standard input is for asof stream; a sidecar reads what it can read again");
        }
        let is_same = |other: &StreamDefinition| (other.known_as(), &other.view) == (stream.known_as(), &stream.view);
        if streams[..index].iter().any(is_same) {
            return refuse("another one into this view has the same name; give one of them a name");
        }
        let shares_rejects = |other: &StreamDefinition| stream.rejects.is_some() && other.rejects == stream.rejects;
        if streams[..index].iter().any(shares_rejects) {
            return refuse("each stream has a file of its own for bad records");
        }
    }
    Ok(streams)
}
