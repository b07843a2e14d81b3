//! Histories of a store, and the answers that every backend must give after them.
//!
//! Property tests and the fuzzer share this crate: the first draw [`Op`]s from strategies, the second reads them
//! from bytes, and both hand them to a [`Runner`]. The runner feeds every operation to the subject, to the
//! in-memory backend and to a plain list of everything ever written ([`Log`]), and after each compares all that
//! can be asked, of the stores and of tables that only hear what stores tell ([`Follower`]). It panics at the first
//! difference, as tests do.
//!
//! For windows there are the events that count out of a list of deliveries ([`counting`]), the value of every
//! aggregate over some ([`expected`]), and all features of a window view ([`window_values`]), by code that is as simple
//! as can be.

mod ages;
mod aggregates;
mod answers;
mod bytes;
mod catalog;
mod deliveries;
mod followers;
mod log;
mod op;
mod questions;
mod runner;
mod scale;
mod script;
mod subject;
mod windows;

pub use aggregates::{Day, Expected, Hour, Slot, expected};
pub use answers::{Answer, Answers, Row, Seen, SnapshotAnswers};
pub use bytes::Bytes;
pub use catalog::{Shape, ViewShape};
pub use deliveries::{Delivery, counting, days};
pub use followers::Follower;
pub use log::Log;
pub use op::{Change, Moment, Op, OpRow, Step};
pub use questions::{Point, Questions, Window};
pub use runner::{Runner, run};
pub use scale::VIEWS;
pub use script::{EntityRows, LAST, NOTE, Script, Write};
pub use subject::Subject;
pub use windows::{Asked, WindowValue, window_values};
