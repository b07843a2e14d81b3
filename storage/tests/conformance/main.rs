//! The promises of the contract, a folder a trait and a file a promise. See section 1 of `docs/design.md`.
//!
//! The folder `online` runs over every table of newest versions, the others over every whole store.

#[path = "../common/mod.rs"]
mod common;

mod catalogs;
mod history;
mod online;
mod timekeeping;
mod upkeep;
