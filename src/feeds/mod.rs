//! Feeds: files of a view's source become its rows, each file once, and what came of it is kept.
//!
//! A file is known by its content ([`crate::ingest`]), so a run that is cut off, or a file that was moved, costs nothing
//! but reading it again; a file that has changed is loaded again, and its rows supersede those of before. Files whose
//! path, size and time of change are those of a run that succeeded are not read at all. All files of a view are loaded
//! or none; the views of one call do not depend on each other.

#[cfg(feature = "files")]
mod files;
mod known;
#[cfg(feature = "files")]
mod loads_until;
#[cfg(feature = "files")]
mod materialize;
mod report;

#[cfg(feature = "files")]
pub use self::files::{FEED_FILES_MAX, FeedFiles};
pub(crate) use self::known::feeds;
#[cfg(feature = "files")]
pub(crate) use self::loads_until::LoadsUntil;
#[cfg(feature = "files")]
pub use self::materialize::OnFeedProgress;
#[cfg(feature = "files")]
pub(crate) use self::materialize::{FedStore, Feeder};
pub use self::report::{Feed, ViewRun};
