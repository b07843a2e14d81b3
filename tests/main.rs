//! The promises of asofdb, one module each. One binary, so that RocksDB is linked once.

mod common;

mod cli;
mod definitions;
mod disks;
mod export;
mod formats;
mod freshness;
mod http;
mod ingest;
mod join;
mod packaging;
mod reads;
mod sidecar;
mod sources;
mod times;
mod training_set;
mod writes;
