//! The paths of the dialect of Feast.

/// The routes of the dialect, whose failures look as Feast's client expects.
pub(super) const FEAST_PATHS: [&str; 3] = ["/get-online-features", "/push", "/write-to-online-store"];
