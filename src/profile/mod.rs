//! Profiles: statistics of the values of a view, taken from its entities or their events, and kept with the time they were taken.

mod entities;
pub(crate) mod events;
mod feature;
mod frequent;
mod histogram;
pub(crate) mod keeper;
pub(crate) mod notes;
mod numbers;
mod reader;
pub(crate) mod sample;
pub(crate) mod statistics;
