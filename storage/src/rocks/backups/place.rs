//! The place of backups: objects by their names. What backups are is said in terms of this alone, so that another kind
//! of place is another implementation of it.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::path::PathBuf;

use crate::error::Result;

/// A place for objects: bytes under names, in which `/` separates a folder from what is in it. Whoever has it has it
/// alone to write, or together with others to read.
pub(super) trait Place: Debug + Send + Sync {
    /// Returns the names of the objects of a folder, without it; the folder `""` has those without one.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be listed.
    fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Writes a new object, of what `fill` writes. It is there whole and durable when this returns, and otherwise not
    /// at all.
    ///
    /// # Errors
    /// Those of `fill`; `Conflict` when there is one of this name; `Unavailable` when it cannot be written.
    fn put(&self, name: &str, fill: &mut dyn FnMut(&mut dyn Write) -> Result<()>) -> Result<()>;

    /// Opens an object, to be read as it is stored and not as it is remembered.
    ///
    /// # Errors
    /// `Unavailable` when it is not there or cannot be read.
    fn get(&self, name: &str) -> Result<Box<dyn Read>>;

    /// Returns the size of an object; none where there is none.
    fn bytes(&self, name: &str) -> Option<u64>;

    /// Removes objects. When this returns they are gone for good.
    ///
    /// # Errors
    /// `Unavailable` when one cannot be removed.
    fn delete(&self, names: &[String]) -> Result<()>;

    /// Removes what a `put` left that was killed.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be removed.
    fn tidy(&self) -> Result<()>;

    /// Returns an object's name in messages.
    fn shown(&self, name: &str) -> String;

    /// Returns a directory for files that are about to be put, which need not exist; none where this place has none.
    fn staging(&self) -> Option<PathBuf>;
}
