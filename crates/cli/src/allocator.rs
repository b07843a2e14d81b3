//! The allocator of the command line and of the sidecar: jemalloc, for Rust and for RocksDB alike.
//!
//! glibc reserves 64 MiB of addresses for nearly every thread that allocates, and what one thread frees stays in its
//! arena: a sidecar whose connections come and go kept twice what it used, and under a limit on addresses (`ulimit -v`)
//! RocksDB's cache found none left. jemalloc has a few arenas for all threads and gives back what has been free for ten
//! seconds, by a thread of its own also where nobody calls it.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;
