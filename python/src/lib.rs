//! The native part of the Python package `asofdb`: a thin layer over the crate. The classes that users see are written
//! in Python over it, and are documented there.
//!
//! Nothing here waits or works with the GIL held, but for connecting anew after a fork.

mod aio;
mod answer;
mod backups;
mod bulk;
mod capsule;
mod clock;
mod columns;
mod date;
mod digest;
mod engine;
mod entities;
mod errors;
mod feast;
mod fork;
mod join;
mod lineage;
mod nulls;
mod plans;
mod progress;
mod request;
mod request_columns;
mod row_shape;
mod spooled;
mod table;
mod time;
mod value;

use pyo3::prelude::*;

/// The native part of asofdb.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::aio::AsyncEngine;
    #[pymodule_export]
    use crate::answer::Answer;
    #[pymodule_export]
    use crate::backups::{backup, backups, keep_logs, restore};
    #[pymodule_export]
    use crate::bulk::{export, ingest_files, ingest_named, ingest_rows};
    #[pymodule_export]
    use crate::digest::digest_rows;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::feast::{FeastAnswer, FeastKey, FeastRequest, FeastWriter};
    #[pymodule_export]
    use crate::fork::after_fork_in_child;
    #[pymodule_export]
    use crate::join::{JoinStream, join, join_to_file, served_to_file, spine_digest};
    #[pymodule_export]
    use crate::lineage::LineageRun;
    #[pymodule_export]
    use crate::request::Request;

    /// The version of the package, which is that of the engine.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
