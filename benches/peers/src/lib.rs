//! Other systems that asofdb's benches are measured against: each is started, loaded with the same data, read as its
//! own users would read it, and stopped.

mod redis;
mod resp;

pub use redis::{Layout, Redis, RedisClient};
