//! The text of `asof --version`.

use std::sync::LazyLock;

use asofdb::{EXPORT_FORMAT, ROCKSDB_VERSION, STORE_FORMAT};
use asofdb_client::PROTOCOL_VERSION;

/// The version of asofdb, of RocksDB, and of each format that others read, one a line.
pub(crate) fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{}\nRocksDB {ROCKSDB_VERSION}\nstore format {STORE_FORMAT}\nprotocol {PROTOCOL_VERSION}\n\
             export format {EXPORT_FORMAT}",
            env!("CARGO_PKG_VERSION")
        )
    });
    &LONG
}
