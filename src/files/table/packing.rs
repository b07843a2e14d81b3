//! Numbers in as few bits as they need, and in bytes of seven bits each.

/// Appends a number, seven bits a byte, the lowest first.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a number that may be negative: small ones of either sign take few bytes.
pub(super) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Returns the bits that a number needs.
pub(super) fn width(value: u64) -> usize {
    64 - value.leading_zeros() as usize
}

/// Appends numbers of `width` bits each, the lowest bits first; the last byte is filled with zeros.
pub(super) fn pack(out: &mut Vec<u8>, values: impl ExactSizeIterator<Item = u64>, width: usize) {
    let bytes = (values.len() * width).div_ceil(8);
    let start = out.len();
    // Words are written whole: a few bytes more than needed, which are cut at the end.
    out.resize(start + bytes + 16, 0);
    match width {
        0 => {}
        1..=32 => pack_short(&mut out[start..], values, width),
        _ => pack_long(&mut out[start..], values, width),
    }
    out.truncate(start + bytes);
}

#[inline]
fn pack_short(out: &mut [u8], values: impl Iterator<Item = u64>, width: usize) {
    let (mut word, mut bits, mut at) = (0u64, 0, 0);
    for value in values {
        word |= value << bits;
        bits += width;
        if bits >= 32 {
            out[at..at + 4].copy_from_slice(&(word as u32).to_le_bytes());
            at += 4;
            word >>= 32;
            bits -= 32;
        }
    }
    out[at..at + 4].copy_from_slice(&(word as u32).to_le_bytes());
}

#[inline]
fn pack_long(out: &mut [u8], values: impl Iterator<Item = u64>, width: usize) {
    let (mut word, mut bits, mut at) = (0u128, 0, 0);
    for value in values {
        word |= u128::from(value) << bits;
        bits += width;
        if bits >= 64 {
            out[at..at + 8].copy_from_slice(&(word as u64).to_le_bytes());
            at += 8;
            word >>= 64;
            bits -= 64;
        }
    }
    out[at..at + 8].copy_from_slice(&(word as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values again, bit by bit.
    fn unpack(bytes: &[u8], count: usize, width: usize) -> Vec<u64> {
        let bit = |at: usize| u64::from(bytes[at / 8] >> (at % 8) & 1);
        (0..count).map(|n| (0..width).map(|b| bit(n * width + b) << b).sum()).collect()
    }

    #[test]
    fn numbers_of_every_width_are_packed_lowest_bits_first() {
        for width in 0..=64usize {
            for count in [0, 1, 7, 8, 31, 32, 33, 100] {
                let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
                let values: Vec<u64> =
                    (0..count as u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
                let mut out = vec![0xaa];
                pack(&mut out, values.iter().copied(), width);
                assert_eq!(out.len(), 1 + (count * width).div_ceil(8), "{count} of {width} bits");
                assert_eq!(unpack(&out[1..], count, width), values, "{count} of {width} bits");
            }
        }
    }

    #[test]
    fn varints_and_zigzags_take_as_many_bytes_as_they_need() {
        let varint = |value| {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            out
        };
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [127]);
        assert_eq!(varint(300), [0xac, 2]);
        assert_eq!(varint(u64::MAX).len(), 10);
        for (value, expected) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (i64::MIN, u64::MAX)] {
            let mut out = Vec::new();
            put_zigzag(&mut out, value);
            assert_eq!(out, varint(expected), "{value}");
        }
    }
}
