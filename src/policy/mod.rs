//! Policies: rules of a platform team that definitions keep, and who may read, change and approve what.

pub(crate) mod breach;
pub(crate) mod check;
pub(crate) mod difference;
pub(crate) mod document;
mod lint;
pub(crate) mod owners;
mod pattern;
pub(crate) mod readers;
mod restriction;
pub(crate) mod rulebook;
mod rules;
pub(crate) mod team;
