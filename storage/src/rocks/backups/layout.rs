//! The names in a place of backups.

/// The marker: what these backups are.
pub(super) const MARKER: &str = "ASOFDB-BACKUPS";

/// The file that is locked by whoever works with them.
pub(super) const LOCK: &str = "ASOFDB-BACKUPS.lock";

/// The folder of contents.
pub(super) const OBJECTS: &str = "objects";

/// The checkpoint that is being copied.
pub(super) const CHECKPOINT: &str = "checkpoint";

/// The end of a record's name.
pub(super) const RECORD: &str = ".backup";
