//! Crashes, faults and load that a store and its sidecar must outlive.
//!
//! A [`Part`] tries one kind of fault many times over, each time from a seed, and compares what is found afterwards
//! with what had been acknowledged. `make torture` runs every part at its full length; `make test` runs each in its
//! short form ([`Scale::Short`]), with the same code.

mod check;
mod children;
mod fail_points;
mod fault_shim;
mod histogram;
mod history;
mod host;
mod http;
mod ledger;
mod mount;
mod oracle;
mod part;
mod parts;
mod place;
mod process;
mod random;
mod report;
mod setting;
mod shim;
mod sidecar;
mod states;
mod stopwatch;
mod table;
mod victim;
mod workload;
mod writer;

pub use children::run_child;
pub use part::{Done, Part};
pub use parts::{PARTS, new_store_after_a_power_cut};
pub use random::Random;
pub use report::Report;
pub use setting::{Scale, Setting};
pub use table::table;
