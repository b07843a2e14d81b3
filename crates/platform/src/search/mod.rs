//! Search: an index of what is defined, by words.
//!
//! The index is derived from a catalog and made anew for the next one. It is never a second truth: whatever it tells
//! was in the catalog of its revision.

pub(crate) mod browser;
mod entries;
mod entry;
pub(crate) mod facets;
pub(crate) mod field;
mod filter;
pub(crate) mod hit;
pub(crate) mod index;
mod pattern;
pub(crate) mod query;
mod ranking;
mod sources;
mod spelling;
pub(crate) mod standing;
mod terms;
