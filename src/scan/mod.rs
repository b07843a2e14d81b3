//! Scans: the versions of a view become batches of columns, all of them or those that a time finds.

mod batches;
mod choice;
mod counts;
pub(crate) mod keys;
mod rows;
mod schema;
mod selection;

pub use self::choice::ExportRows;
pub(crate) use self::counts::Counts;
#[cfg(feature = "files")]
pub(crate) use self::rows::Rows;
#[cfg(feature = "files")]
pub(crate) use self::schema::own_names;
pub use self::schema::{EXPORT_FORMAT, ExportSchema, ManifestColumn};
pub use self::selection::Selection;
