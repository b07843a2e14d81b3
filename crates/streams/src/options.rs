//! Settings of a stream.

use std::path::PathBuf;
use std::time::Duration;

use asofdb::Durability;

/// The place in a source at which a stream begins that was not there before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Begin {
    /// With the first record that the source still has.
    #[default]
    Earliest,
    /// With the first record that comes from now on.
    Latest,
}

/// What becomes of records that are no good rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OnBadRecord {
    /// The stream ends with an error, and nothing of the batch is written.
    #[default]
    Stop,
    /// They are set aside in this file, a line of JSON each, with partition, offset and the rule.
    SetAside(PathBuf),
}

/// Settings of a stream.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// The view that gets the rows.
    pub view: String,
    /// The name of the stream, by which its positions are kept; `None`: the address of the source.
    pub name: Option<String>,
    /// The place at which it begins where it was not before.
    pub begin: Begin,
    /// Forget where it was.
    pub anew: bool,
    /// What becomes of bad records.
    pub on_bad_record: OnBadRecord,
    /// Records after which a batch is written.
    pub rows_max: usize,
    /// Bytes of records after which a batch is written.
    pub bytes_max: usize,
    /// The longest time that a record waits for others.
    pub linger: Duration,
    /// What a commit promises.
    pub durability: Durability,
    /// End when all that is there was read, instead of waiting for more.
    pub until_end: bool,
}

impl StreamOptions {
    /// The settings that suit most streams, into a view: batches of up to 10,000 records or 8 MiB, written after 50 ms at
    /// the latest and on disk when they are.
    pub fn new(view: &str) -> Self {
        StreamOptions {
            view: view.to_owned(),
            name: None,
            begin: Begin::default(),
            anew: false,
            on_bad_record: OnBadRecord::default(),
            rows_max: 10_000,
            bytes_max: 8 << 20,
            linger: Duration::from_millis(50),
            durability: Durability::Sync,
            until_end: false,
        }
    }
}
