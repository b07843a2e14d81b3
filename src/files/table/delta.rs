//! Differences of neighbouring integers in few bits (Parquet's `DELTA_BINARY_PACKED`).

use super::packing::{pack, put_varint, put_zigzag, width};

/// Differences of a block, which share their least one.
const BLOCK: usize = 128;
/// Differences that share a width.
const MINIBLOCK: usize = 32;

/// An integer whose differences wrap around.
pub(super) trait Integer: Copy {
    /// Returns it in 64 bits.
    fn wide(self) -> i64;

    /// Returns what must be added to `before` to give this one, modulo its own width.
    fn since(self, before: Self) -> i64;

    /// Returns the difference of two differences, modulo its own width.
    fn above(difference: i64, least: i64) -> u64;
}

impl Integer for i32 {
    fn wide(self) -> i64 {
        self.into()
    }

    fn since(self, before: Self) -> i64 {
        self.wrapping_sub(before).into()
    }

    fn above(difference: i64, least: i64) -> u64 {
        u64::from((difference as i32).wrapping_sub(least as i32) as u32)
    }
}

impl Integer for i64 {
    fn wide(self) -> i64 {
        self
    }

    fn since(self, before: Self) -> i64 {
        self.wrapping_sub(before)
    }

    fn above(difference: i64, least: i64) -> u64 {
        difference.wrapping_sub(least) as u64
    }
}

/// Appends integers.
pub(super) fn put_deltas<T: Integer>(out: &mut Vec<u8>, values: &[T]) {
    put_varint(out, BLOCK as u64);
    put_varint(out, (BLOCK / MINIBLOCK) as u64);
    put_varint(out, values.len() as u64);
    put_zigzag(out, values.first().map_or(0, |first| first.wide()));
    let mut differences = [0; BLOCK];
    for start in (1..values.len()).step_by(BLOCK) {
        let end = values.len().min(start + BLOCK);
        let pairs = values[start - 1..end].windows(2);
        differences.iter_mut().zip(pairs).for_each(|(difference, pair)| *difference = pair[1].since(pair[0]));
        put_block::<T>(out, &differences[..end - start]);
    }
}

fn put_block<T: Integer>(out: &mut Vec<u8>, differences: &[i64]) {
    let least = differences.iter().copied().min().unwrap_or(0);
    put_zigzag(out, least);
    let mut above = [0; BLOCK];
    above.iter_mut().zip(differences).for_each(|(above, difference)| *above = T::above(*difference, least));
    let widths = out.len();
    out.extend_from_slice(&[0; BLOCK / MINIBLOCK]);
    // The last miniblock is whole, with zeros behind its values; those after it are not there.
    for (number, miniblock) in above.chunks_exact(MINIBLOCK).take(differences.len().div_ceil(MINIBLOCK)).enumerate() {
        let bits = width(miniblock.iter().fold(0, |all, value| all | value));
        out[widths + number] = bits as u8;
        pack(out, miniblock.iter().copied(), bits);
    }
}
