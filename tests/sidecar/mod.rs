//! The sidecar over a real socket.

mod alerts;
mod asynchronous;
mod bulk;
mod cancellation;
mod certificates;
mod clock;
mod command_line;
mod crowd;
mod endless;
mod feeds;
mod golden;
pub mod harness;
mod hostile;
mod hot;
mod lifecycle;
mod limits;
mod models;
mod operations;
mod policy;
mod raw;
pub mod receiver;
mod restarts;
mod served;
mod sharing;
mod statistics;
mod storage;
mod streams;
