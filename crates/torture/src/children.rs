//! Processes that are there to be killed.

use crate::parts::backups;
use crate::parts::output::ingest;
use crate::parts::{hostile, soak, windows};
use crate::writer;

/// A process that a part starts, by name, with its arguments.
type Child = (&'static str, fn(&[String]));

/// Every child.
const CHILDREN: &[Child] = &[
    (writer::WRITER, writer::run),
    (ingest::INGEST, ingest::run),
    (hostile::CROWD, hostile::run_crowd),
    (hostile::READER, hostile::run_reader),
    (soak::CHILD, soak::run_clients),
    ("backups", backups::child),
    (windows::CHILD, windows::run_child),
];

/// Runs a child of a part; `torture child NAME ARGUMENT...` calls it.
///
/// # Panics
/// If there is no such child, and where the child does.
pub fn run_child(name: &str, arguments: &[String]) {
    let (_, run) = CHILDREN.iter().find(|(found, _)| *found == name).unwrap_or_else(|| panic!("no child {name:?}"));
    run(arguments);
}
