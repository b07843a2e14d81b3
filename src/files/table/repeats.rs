//! Positions in a dictionary, as runs of one and as groups of eight (Parquet's RLE and bit-packing hybrid).

use super::packing::{pack, put_varint};

/// Positions in one group.
const GROUP: usize = 8;

/// Appends positions of at most `width` bits.
pub(super) fn put_positions(out: &mut Vec<u8>, positions: &[u32], width: usize) {
    // Positions from `packed` on wait to be packed, whole groups of them.
    let (mut packed, mut at) = (0, 0);
    while at < positions.len() {
        let run = run_at(&positions[at..]);
        if run < GROUP {
            at = (at + GROUP).min(positions.len());
            continue;
        }
        put_groups(out, &positions[packed..at], width);
        put_varint(out, (run as u64) << 1);
        out.extend_from_slice(&positions[at].to_le_bytes()[..width.div_ceil(8)]);
        at += run;
        packed = at;
    }
    put_groups(out, &positions[packed..], width);
}

/// Returns how often the first position comes before another does.
#[inline]
fn run_at(positions: &[u32]) -> usize {
    let first = positions[0];
    match positions.first_chunk::<GROUP>() {
        Some(group) if group.iter().any(|position| *position != first) => 1,
        _ => positions.iter().take_while(|position| **position == first).count(),
    }
}

fn put_groups(out: &mut Vec<u8>, positions: &[u32], width: usize) {
    if positions.is_empty() {
        return;
    }
    let groups = positions.len().div_ceil(GROUP);
    put_varint(out, (groups as u64) << 1 | 1);
    let start = out.len();
    pack(out, positions.iter().map(|position| u64::from(*position)), width);
    out.resize(start + groups * width, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_positions_are_runs_and_others_are_groups_of_eight() {
        let mut out = Vec::new();
        let mut positions = vec![1, 2, 3, 0, 1, 2, 3, 0];
        positions.extend([2; 100]);
        positions.extend([3, 1]);
        put_positions(&mut out, &positions, 2);
        assert_eq!(out, [3, 0b00_11_10_01, 0b00_11_10_01, 200, 1, 2, 3, 0b0111, 0]);
    }

    #[test]
    fn a_dictionary_of_one_takes_no_bits() {
        let mut out = Vec::new();
        put_positions(&mut out, &[0; 5], 0);
        assert_eq!(out, [3]);
        out.clear();
        put_positions(&mut out, &[0; 20], 0);
        assert_eq!(out, [40]);
    }
}
