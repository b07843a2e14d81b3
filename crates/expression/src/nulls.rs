//! Nulls that an expression made itself.

use std::ops::AddAssign;

/// The number of times that an operation had no value to give, by reason. Branches that a row does not take and
/// operands that are null count nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nulls {
    /// A whole number, a time or a text is out of the range of its type.
    pub overflow: u64,
    /// A division by zero, or what stands for one: the mean of nothing, the cosine of a zero vector.
    pub division: u64,
    /// An argument outside of a function's domain: the logarithm of zero, text that is no number.
    pub domain: u64,
}

impl Nulls {
    /// Returns the sum over the reasons.
    pub fn total(&self) -> u64 {
        self.overflow + self.division + self.domain
    }

    pub(crate) fn count(&mut self, fault: Fault) {
        match fault {
            Fault::None => {}
            Fault::Overflow => self.overflow += 1,
            Fault::Division => self.division += 1,
            Fault::Domain => self.domain += 1,
        }
    }
}

impl AddAssign for Nulls {
    fn add_assign(&mut self, other: Self) {
        self.overflow += other.overflow;
        self.division += other.division;
        self.domain += other.domain;
    }
}

/// The reason why an operation has no value for operands that are not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// It has one.
    None = 0,
    Overflow = 1,
    Division = 2,
    Domain = 3,
}

impl Fault {
    /// The fault `self` where `has` is true.
    #[inline(always)]
    pub(crate) fn when(self, has: bool) -> Fault {
        if has { self } else { Fault::None }
    }
}
