//! About how many different values there are (HyperLogLog).

use asofdb_expression::Values;
use asofdb_storage::Result;
use twox_hash::XxHash3_64;

use crate::accumulate::Accumulate;
use crate::cells;
use crate::coupons::{Coupon, Coupons};
use crate::estimate::estimate;
use crate::rows::Rows;
use crate::wire::{corrupt, read_slice, read_truth};

/// A sketch of the hashes of values: while they are few, a coupon of each, so that their number is as good as exact;
/// then 2^precision registers, each with the greatest rank among the hashes that fall into it.
///
/// The set of the hashes alone decides which of the two it is, and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Registers {
    precision: u8,
    coupons: Coupons,
    /// Empty while there are coupons.
    registers: Vec<u8>,
}

impl Registers {
    /// Has no values yet.
    pub(crate) fn new(precision: u8) -> Self {
        Registers { precision, coupons: Coupons::default(), registers: Vec::new() }
    }

    /// About the number of different values.
    pub(crate) fn value(&self) -> i64 {
        match self.registers.is_empty() {
            true => self.coupons.len() as i64,
            false => estimate(&self.registers, self.last_rank()).round() as i64,
        }
    }

    /// The greatest rank: that of a hash whose bits after the register's number are all 0.
    fn last_rank(&self) -> u8 {
        65 - self.precision
    }

    /// The most coupons: they take as many bytes as registers.
    fn coupons_max(&self) -> usize {
        1 << (self.precision - 2)
    }

    fn add(&mut self, coupon: Coupon) {
        if self.registers.is_empty() {
            self.coupons.insert(coupon);
            self.settle();
        } else {
            raise(&mut self.registers, self.precision, coupon);
        }
    }

    /// Turns coupons that are too many into registers.
    fn settle(&mut self) {
        if self.coupons.len() <= self.coupons_max() {
            return;
        }
        self.registers.resize(1 << self.precision, 0);
        let Registers { precision, coupons, registers } = self;
        coupons.iter().for_each(|coupon| raise(registers, *precision, coupon));
        coupons.clear();
    }
}

fn raise(registers: &mut [u8], precision: u8, coupon: Coupon) {
    let register = &mut registers[coupon.register(precision)];
    *register = (*register).max(coupon.rank(precision));
}

impl Accumulate for Registers {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        cells::each_stored(values, rows, |stored| self.add(Coupon::of(XxHash3_64::oneshot(stored))));
    }

    fn merge(&mut self, older: &Self) {
        match (self.registers.is_empty(), older.registers.is_empty()) {
            (true, true) => {
                self.coupons.merge(&older.coupons);
                self.settle();
            }
            (true, false) => {
                self.registers.clone_from(&older.registers);
                self.coupons.iter().for_each(|coupon| raise(&mut self.registers, self.precision, coupon));
                self.coupons.clear();
            }
            (false, true) => {
                older.coupons.iter().for_each(|coupon| raise(&mut self.registers, self.precision, coupon));
            }
            (false, false) => {
                self.registers.iter_mut().zip(&older.registers).for_each(|(own, other)| *own = (*own).max(*other));
            }
        }
    }

    fn clear(&mut self) {
        self.coupons.clear();
        self.registers.clear();
    }

    fn is_empty(&self) -> bool {
        self.registers.is_empty() && self.coupons.len() == 0
    }

    fn copy_from(&mut self, other: &Self) {
        self.coupons.copy_from(&other.coupons);
        self.registers.clone_from(&other.registers);
    }

    /// Appends whether there are registers; the registers, a byte each, or the coupons.
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(!self.registers.is_empty()));
        match self.registers.is_empty() {
            true => self.coupons.encode(out),
            false => out.extend_from_slice(&self.registers),
        }
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        if !read_truth(bytes)? {
            return self.coupons.decode(self.coupons_max(), bytes);
        }
        let registers = read_slice(bytes, 1 << self.precision)?;
        if registers.iter().any(|rank| *rank > self.last_rank()) {
            return Err(corrupt("has a register beyond the last rank"));
        }
        self.registers.extend_from_slice(registers);
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        self.coupons.heap_bytes() + self.registers.capacity()
    }
}
