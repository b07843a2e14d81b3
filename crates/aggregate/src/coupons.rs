//! Hashes that are cut to what a sketch needs of them.

use asofdb_storage::Result;

use crate::wire::{corrupt, read_varint, write_varint};

/// The bits of a hash that a coupon keeps; the greatest precision of a sketch is less.
const KEPT: u32 = 26;
/// The bits of a coupon's rank.
const RANK_BITS: u32 = 6;

/// The first bits of a hash, and the rank of the others: the place of the first 1 among them, from 1; one more than
/// there are when all are 0. Every sketch of fewer registers can be made from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Coupon(u32);

impl Coupon {
    /// The coupon of a hash.
    #[inline]
    pub(crate) fn of(hash: u64) -> Self {
        let rank = (hash << KEPT).leading_zeros().min(64 - KEPT) + 1;
        Coupon(((hash >> (64 - KEPT)) as u32) << RANK_BITS | rank)
    }

    /// The number of the register among 2^precision: the first bits.
    #[inline]
    pub(crate) fn register(self, precision: u8) -> usize {
        (self.0 >> (32 - u32::from(precision))) as usize
    }

    /// The rank of the bits after those of the register's number.
    #[inline]
    pub(crate) fn rank(self, precision: u8) -> u8 {
        let others = KEPT - u32::from(precision);
        let zeros = (self.0 >> RANK_BITS << (32 - others)).leading_zeros();
        let rank = if zeros < others { zeros + 1 } else { others + (self.0 & ((1 << RANK_BITS) - 1)) };
        rank as u8
    }

    fn is_one(self) -> bool {
        (1..=64 - KEPT + 1).contains(&(self.0 & ((1 << RANK_BITS) - 1)))
    }
}

/// Different coupons, ascending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coupons {
    coupons: Vec<Coupon>,
}

impl Coupons {
    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.coupons.len()
    }

    /// The coupons.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Coupon> + '_ {
        self.coupons.iter().copied()
    }

    /// Adds one.
    pub(crate) fn insert(&mut self, coupon: Coupon) {
        if let Err(at) = self.coupons.binary_search(&coupon) {
            self.coupons.insert(at, coupon);
        }
    }

    /// Adds those of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.coupons.extend_from_slice(&other.coupons);
        // Two ascending runs: the stable sort finds and merges them.
        self.coupons.sort();
        self.coupons.dedup();
    }

    /// Forgets them, and keeps memory.
    pub(crate) fn clear(&mut self) {
        self.coupons.clear();
    }

    /// Becomes what `other` is, and keeps memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.coupons.clone_from(&other.coupons);
    }

    /// Appends how many there are, and the distance of each from the one before.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.len() as u64, out);
        let mut before = 0;
        for coupon in self.iter() {
            write_varint(u64::from(coupon.0 - before), out);
            before = coupon.0;
        }
    }

    /// Reads back what [`Coupons::encode`] wrote, at most so many.
    pub(crate) fn decode(&mut self, most: usize, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        let len = read_varint(bytes)?;
        if len > most as u64 {
            return Err(corrupt("has more hashes than it can hold"));
        }
        let mut before = 0u32;
        for _ in 0..len {
            let step = u32::try_from(read_varint(bytes)?).ok().filter(|step| *step > 0);
            let coupon = step.and_then(|step| before.checked_add(step)).map(Coupon).filter(|coupon| coupon.is_one());
            let Some(coupon) = coupon else { return Err(corrupt("has hashes out of order")) };
            self.coupons.push(coupon);
            before = coupon.0;
        }
        Ok(())
    }

    /// Returns the bytes that it holds beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.coupons.capacity() * size_of::<Coupon>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coupon_gives_the_register_and_the_rank_of_its_hash() {
        let mut hash = 1u64;
        let hashes = (0..2_000).map(|shift| {
            hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            hash >> (shift % 64)
        });
        for hash in hashes.chain([0, 1, u64::MAX, 1 << 37, 1 << 38, 1 << 39]) {
            for precision in 4..=16u8 {
                let coupon = Coupon::of(hash);
                assert_eq!(coupon.register(precision), (hash >> (64 - precision)) as usize);
                let rank = (hash << precision).leading_zeros().min(64 - u32::from(precision)) + 1;
                assert_eq!(u32::from(coupon.rank(precision)), rank, "{hash:x} at {precision}");
            }
        }
    }
}
