//! The process that ingests a file in several steps, or gathers it on disk, and is killed meanwhile.

use std::path::PathBuf;
use std::sync::Arc;

use asofdb::{Durability, IngestOptions, Input, Options, Session, Store};
use asofdb_storage::SystemClock;

/// The name of the child.
pub(crate) const INGEST: &str = "ingest";

/// Bytes of a chunk: less than one piece of a source, so that each piece is a chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// Ingests the file that is the third argument into the view that is the second, of the store that is the first, in steps
/// of so many bytes as the fourth says. The command `asof ingest` does the same with chunks so large that tests would take
/// long.
///
/// # Panics
/// If it fails.
pub(crate) fn run(arguments: &[String]) {
    let [store, view, file, step_bytes] = arguments else { panic!("not the arguments of an ingest: {arguments:?}") };
    let options = Options { create: false, ..Options::within_limits() };
    let store = Store::open_with(store, options, Arc::new(SystemClock), Durability::Os).expect("a store");
    let options = IngestOptions {
        chunk_bytes: CHUNK_BYTES,
        step_bytes: step_bytes.parse().expect("a number"),
        ..IngestOptions::default()
    };
    let inputs = vec![Input::Path(PathBuf::from(file))];
    store.ingest(view, inputs, &options, &mut |_| {}).expect("an ingest");
}
