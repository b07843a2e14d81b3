//! Hashes of rows, and what they decide.

use twox_hash::XxHash3_64;

/// The hash of a row: of its view and its entity key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowHash(pub(crate) u64);

impl RowHash {
    #[inline]
    pub(crate) fn of(view: u32, key: &[u8]) -> Self {
        RowHash(XxHash3_64::oneshot_with_seed(u64::from(view), key))
    }

    /// One of `shards`, which is a power of two.
    #[inline]
    pub(crate) fn shard(self, shards: usize) -> usize {
        self.0 as usize & (shards - 1)
    }

    /// One of `buckets`, at most 2^32, by the upper half.
    #[inline]
    pub(crate) fn bucket(self, buckets: usize) -> usize {
        (((self.0 >> 32) * buckets as u64) >> 32) as usize
    }

    /// Sixteen bits that decide neither.
    #[inline]
    pub(crate) fn tag(self) -> u16 {
        (self.0 >> 16) as u16
    }
}
