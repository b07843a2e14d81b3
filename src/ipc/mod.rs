//! Arrow IPC from others: looked at before it is decoded, and decoded where a fault of the decoder is an error.

mod guard;
mod message;

pub use self::guard::guarded;
pub use self::message::{COLUMNS_MAX, IpcRules, MessageHead, check_message};
