//! Streams of a sidecar, as an argument.

use std::path::PathBuf;

use asofdb::{Error, Store};
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
        let streams = definitions.iter().map(open).collect::<asofdb::Result<Vec<_>>>()?;
        // Their sources may be written in two ways.
        for (index, stream) in streams.iter().map(Stream::status).enumerate() {
            let is_same =
                |other: &Stream| (other.status().name(), other.status().view()) == (stream.name(), stream.view());
            if streams[..index].iter().any(is_same) {
                let (name, view) = (stream.name(), stream.view());
                let message = format!("two streams into view {view:?} are {name:?}; give one of them a name");
                return Err(Error::invalid(message).into());
            }
        }
        Ok(streams)
    }

    /// Runs them until what is returned is dropped.
    pub(super) fn start(service: &Service, streams: Vec<Stream>) -> Result<StreamWatch> {
        Ok(StreamWatch::start(service, streams)?)
    }
}
