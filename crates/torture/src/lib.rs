//! Crashes, faults and load that a store and its sidecar must outlive.
//!
//! A [`Part`] tries one kind of fault many times over, each time from a seed, and compares what is found afterwards
//! with what had been acknowledged. `make torture` runs every part at its full length; `make test` runs each in its
//! short form ([`Scale::Short`]), with the same code.

mod children;
mod histogram;
mod http;
mod part;
mod parts;
mod process;
mod random;
mod report;
mod setting;
mod sidecar;
mod stopwatch;
mod table;

pub use children::run_child;
pub use part::{Done, Part};
pub use parts::PARTS;
pub use random::Random;
pub use report::Report;
pub use setting::{Scale, Setting};
pub use table::table;
