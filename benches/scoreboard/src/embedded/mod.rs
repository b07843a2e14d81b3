//! Stores in this process.

pub mod asof;
pub mod fjall_kv;
pub mod kv;
pub mod kv_reader;
pub mod kv_writer;
pub mod lmdb_kv;
pub mod map_kv;
pub mod murr_memory;
pub mod redb_kv;
pub mod rocks_kv;
pub mod sqlite;
pub mod sqlite_writer;
