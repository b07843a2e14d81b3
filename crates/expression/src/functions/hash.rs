//! Hashes: xxh3, 64 bits, without a seed.

use twox_hash::XxHash3_64;

use crate::kernel::map;
use crate::lane::{Out, TextView, View};

/// The hash of whole numbers, as eight bytes little-endian, in `[0, buckets)`.
pub(crate) fn hash_ints(out: Out<'_, i64>, a: View<'_, i64>, buckets: u64) {
    map(out, a, |a| bucket(&a.to_le_bytes(), buckets));
}

/// The hash of texts and bytes in `[0, buckets)`.
pub(crate) fn hash_texts(out: Out<'_, i64>, a: TextView<'_>, buckets: u64) {
    for (row, (value, valid)) in out.values.iter_mut().zip(out.valid.iter_mut()).enumerate() {
        *valid = a.valid[row];
        *value = if *valid { bucket(a.get(row), buckets) } else { 0 };
    }
}

/// The hash of bytes, modulo the number of buckets, which is from 1 to the greatest `i64`.
#[inline]
fn bucket(bytes: &[u8], buckets: u64) -> i64 {
    (XxHash3_64::oneshot(bytes) % buckets) as i64
}
