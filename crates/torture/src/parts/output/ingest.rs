//! The process that ingests a file in several steps, and is killed between them.

use std::path::PathBuf;
use std::sync::Arc;

use asofdb::{Durability, IngestOptions, Input, Options, Session, Store};
use asofdb_storage::SystemClock;

/// The name of the child.
pub(crate) const INGEST: &str = "ingest";

/// Bytes of one step: less than one piece of a source, so that each piece is a step.
const STEP_BYTES: usize = 64 << 10;

/// Ingests the file that is the last argument into the view that is the second, of the store that is the first. The
/// command `asof ingest` does the same in steps so large that tests would take long.
///
/// # Panics
/// If it fails.
pub(crate) fn run(arguments: &[String]) {
    let [store, view, file] = arguments else { panic!("not the arguments of an ingest: {arguments:?}") };
    let options = Options { create: false, ..Options::within_limits() };
    let store = Store::open_with(store, options, Arc::new(SystemClock), Durability::Os).expect("a store");
    let options = IngestOptions { chunk_bytes: STEP_BYTES, ..IngestOptions::default() };
    let inputs = vec![Input::Path(PathBuf::from(file))];
    store.ingest(view, inputs, &options, &mut |_| {}).expect("an ingest");
}
