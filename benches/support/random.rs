//! Numbers that look random and are the same in every run.

/// A number from `seed` that looks random.
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Place `n` of the numbers below `count` in an order that looks random. Every number has one place.
pub fn shuffled(n: usize, count: usize) -> usize {
    let bits = count.max(2).next_power_of_two().trailing_zeros();
    let mask = (1_u64 << bits) - 1;
    let mut place = n as u64;
    loop {
        // Each step can be undone within so many bits, so that no two numbers meet.
        for round in 0..3 {
            place = place.wrapping_mul(0x9e37_79b9_7f4a_7c15 | 1).wrapping_add(mix(round)) & mask;
            place ^= place >> (bits / 2).max(1);
        }
        if (place as usize) < count {
            return place as usize;
        }
    }
}
