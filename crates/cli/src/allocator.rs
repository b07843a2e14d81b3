//! The allocator of the command line and of the sidecar: jemalloc, for Rust and for RocksDB alike.
//!
//! glibc reserves 64 MiB of addresses for nearly every thread that allocates, and what one thread frees stays in its
//! arena: a sidecar whose connections come and go kept twice what it used, and under a limit on addresses (`ulimit -v`)
//! RocksDB's cache found none left. jemalloc has a few arenas for all threads, and gives back what has been free for a
//! moment, by a thread of its own also where nobody calls it.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// jemalloc's options, which it reads when the program starts; `MALLOC_CONF` in the environment adds to them. A thread
/// keeps little for itself, since there is one a connection: 256 KiB a thread, as is usual, would be a quarter of a GiB
/// for a thousand of them. Memory that is free goes back after a second: the answers of a crowd of clients that came
/// and went must not be in the way of the next one's.
// SAFETY: jemalloc declares a pointer to bytes with a zero at their end of this name, and reads it. Nobody else has a
// symbol of this name, and a reference to static bytes is such a pointer.
#[allow(unsafe_code, reason = "jemalloc finds its options by the name of a symbol")]
#[unsafe(export_name = "malloc_conf")]
static OPTIONS: &u8 = &b"dirty_decay_ms:1000,muzzy_decay_ms:0,tcache_max:2048,tcache_nslots_small_max:20\0"[0];
