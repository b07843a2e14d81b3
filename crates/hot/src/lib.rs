//! The hot table: the newest rows of a store that are read most, in memory.
//!
//! It holds what the store has and is never a second truth: whoever writes the store says so before ([`Table::change`])
//! and after, and a reader that meets a change, or has looked before one, asks the store. Readers take no lock, write
//! nothing that others read but a counter of uses, and copy whole words: a torn row is found out and not returned.
//!
//! # Where rows lie
//!
//! The table is one block of words. Its first part is the index: buckets of one cache line, a word that counts the changes
//! of the bucket, and seven entries. An entry has sixteen bits of the row's hash and the place of its record in the second
//! part. That is cut into shards, and each shard into two rings, in which records of any length follow each other. A row
//! comes into the small ring first; only what is asked for again goes on into the main one (S3-FIFO, Yang et al., SOSP
//! 2023), so that a scan of everything passes through a tenth of the table and leaves the rest as it was.
//!
//! # Why a reader sees no torn and no old row
//!
//! *Torn*: the writer of a bucket makes its word odd, changes entries and records, and makes it even and greater. A reader
//! takes the word, the entry and the record, and then the word again. A record's bytes are used again only after its entry
//! was taken out of its bucket, whose word has changed by then: so a reader that has copied new bytes sees a new word.
//!
//! *Old*: [`Table::change`] marks the buckets of all rows of a write before the store has it. A marked bucket answers
//! nothing. The mark goes after the rows were changed, before the writer gets its answer; so whoever reads after a write
//! returned finds the new row, or none. A reader of several rows keeps the word of each bucket, also of those in which it
//! found nothing and asked the store, and looks at all of them again at the end: if none has changed, there was a moment
//! at which all of its rows were the newest.
//!
//! *Filled in too late*: a row that was read from the store is filled in only if its bucket has still the word that the
//! reader saw before it asked the store. A write in between has changed it.

mod bucket;
mod counts;
#[cfg(all(target_os = "linux", not(loom)))]
mod fork;
mod ghost;
mod hash;
mod header;
mod index;
#[cfg(all(target_os = "linux", not(loom)))]
mod keeper;
mod layout;
mod look;
mod pages;
mod pinned;
mod prefetch;
mod record;
mod ring;
mod shard;
#[cfg(all(target_os = "linux", not(loom)))]
mod shared;
mod sync;
mod table;
mod walk;
mod words;

#[cfg(all(test, loom))]
mod every_order;
#[cfg(all(test, not(loom)))]
mod tests;

pub use self::counts::HotCounts;
pub use self::header::{Conditions, Times};
pub use self::look::{Hot, Looked};
pub use self::record::Row;
#[cfg(all(target_os = "linux", not(loom)))]
pub use self::shared::SharedTable;
pub use self::table::{Changing, Table};
pub use self::walk::{Held, Standing};
