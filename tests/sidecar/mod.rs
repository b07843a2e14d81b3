//! The sidecar over a real socket.

mod asynchronous;
mod bulk;
mod cancellation;
mod clock;
mod command_line;
mod crowd;
mod endless;
mod golden;
pub mod harness;
mod hostile;
mod lifecycle;
mod operations;
mod policy;
mod raw;
mod storage;
