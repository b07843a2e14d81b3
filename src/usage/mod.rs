//! Usage: who reads which features, counted where they are read and kept day by day.
//!
//! A [`Prepared`](crate::Prepared) request of a store that reads for a consumer has a [`Meter`](meter::Meter): a read
//! costs two additions, and some a column of which values were not present. A [`Recorder`](recorder::Recorder) collects
//! the meters once a minute, writes what they have counted as a note a day, and keeps what consumers got of late.

pub(crate) mod answers;
pub(crate) mod book;
mod collector;
pub(crate) mod consumer;
pub(crate) mod holes;
pub(crate) mod impact;
pub(crate) mod meter;
pub(crate) mod model;
mod models;
mod of_store;
pub(crate) mod recorder;
mod tally;
pub(crate) mod unused;
