//! Streams of a sidecar, as an argument.

use std::path::PathBuf;

use asofdb::Store;
use asofdb_sidecar::{Service, StreamWatch};
use asofdb_streams::{Stream, read_streams, source};
use clap::Args;

use crate::error::Result;

/// The argument that says which streams are run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Streams")]
pub(super) struct StreamArguments {
    /// Run the streams that this file of TOML defines: records of logs become rows of views, each exactly once
    #[arg(long = "streams", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl StreamArguments {
    /// Opens the streams, if there are any: what is wrong with them is told before anything is served.
    pub(super) fn open(&self, store: &Store) -> Result<Vec<Stream>> {
        let definitions = self.file.as_deref().map(read_streams).transpose()?.unwrap_or_default();
        let open = |definition: &asofdb_streams::StreamDefinition| {
            let opened =
                source(&definition.from).and_then(|source| Stream::open(store.clone(), source, definition.options()));
            opened.map_err(|error| error.context(format!("stream {:?}", definition.known_as())))
        };
        Ok(definitions.iter().map(open).collect::<asofdb::Result<_>>()?)
    }

    /// Runs them until what is returned is dropped.
    pub(super) fn start(service: &Service, streams: Vec<Stream>) -> Result<StreamWatch> {
        Ok(StreamWatch::start(service, streams)?)
    }
}
