//! The promises of the engine, one module each. One binary, so that RocksDB is linked once.

mod common;

mod also_by;
mod audit;
mod checks;
mod dates;
mod definitions;
mod derived;
mod disks;
mod docs;
mod duplicates;
mod events;
mod export;
mod feeds;
mod formats;
mod freshness;
mod hostile;
mod ingest;
mod int96;
mod ipc;
mod join;
mod life_cycle;
mod objectives;
mod pages;
mod policy;
mod reads;
mod search;
mod served_log;
mod sources;
mod statistics;
mod times;
mod training_set;
mod usage;
mod verdicts;
mod windows;
mod writes;
