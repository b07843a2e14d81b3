//! Usage: who reads which features, counted where they are read and kept day by day.
//!
//! A [`Prepared`](crate::Prepared) request of a store that reads for a consumer has a [`Meter`](meter::Meter): a read
//! costs two additions. A [`Recorder`](recorder::Recorder) collects the meters and writes what they have counted once a
//! minute, and at the end, as a note a day.

pub(crate) mod book;
mod collector;
pub(crate) mod consumer;
pub(crate) mod impact;
pub(crate) mod meter;
pub(crate) mod recorder;
mod tally;
pub(crate) mod unused;
