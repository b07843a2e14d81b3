//! Streams into asofdb: records of a log become rows of a view, each exactly once.
//!
//! A [`Source`] is a log: partitions of records that have offsets. A [`Stream`] writes its records to a view, and with
//! every batch, in the same atomic step, the [`Position`] behind it: a process that is killed anywhere goes on with the
//! first record whose row is not there. No consumer group and nothing in the source decides where it goes on. Records
//! that are no good rows are set aside in a file in the same step, or they end the stream; none is left out silently.
//!
//! ```
//! # fn main() -> asofdb::Result<()> {
//! # let directory = tempfile::tempdir().expect("a temporary directory");
//! # let definitions = r#"
//! #     [[entity]]
//! #     name = "user"
//! #     join_keys = [{ name = "user_id", type = "int64" }]
//! #     [[feature_view]]
//! #     name = "activity"
//! #     entities = ["user"]
//! #     [[feature_view.feature]]
//! #     name = "clicks"
//! #     type = "int64"
//! # "#;
//! use asofdb::{Stop, Store, parse_definitions};
//! use asofdb_streams::{OnBadRecord, Stream, StreamOptions, source};
//!
//! let store = Store::open(directory.path().join("store"))?;
//! store.apply(&parse_definitions(definitions, "definitions.toml")?, false)?;
//! let log = directory.path().join("clicks.ndjson");
//! let line = r#"{"user_id": 7, "event_timestamp": "2024-05-01T12:00:00Z", "clicks": 3}"#;
//! std::fs::write(&log, format!("{line}\n")).expect("a line is written");
//! let options = StreamOptions { until_end: true, ..StreamOptions::new("activity") };
//! let mut stream = Stream::open(store, source(log.to_str().expect("a path"))?, options)?;
//! stream.run(&Stop::new())?;
//! assert_eq!(stream.status().figures().rows, 1);
//! # Ok(())
//! # }
//! ```

mod address;
mod options;
mod position;
mod progress;
#[cfg(feature = "redis")]
mod redis;
mod rejects;
mod source;
mod status;
mod stream;
mod streams_file;
#[cfg(feature = "tail")]
mod tail;

pub use self::address::source;
pub use self::options::{Begin, OnBadRecord, StreamOptions};
pub use self::position::Position;
#[cfg(feature = "redis")]
pub use self::redis::RedisStream;
pub use self::source::{Content, Record, Source, Take, Waited};
pub use self::status::{StreamFigures, StreamState, StreamStatus};
pub use self::stream::Stream;
pub use self::streams_file::{STREAMS_FILE_BYTES_MAX, StreamDefinition, read_streams};
#[cfg(feature = "tail")]
pub use self::tail::{LINE_BYTES_MAX, Pipe, Tail};
