//! Decimal numbers as they are written, compared and converted without rounding.

/// A decimal number: the digits of `whole` and `fraction`, one after the other, times ten to the power of `exponent`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<'t> {
    negative: bool,
    whole: &'t [u8],
    fraction: &'t [u8],
    /// The power of ten of the last digit.
    exponent: i64,
}

impl<'t> Decimal<'t> {
    /// Reads a number such as `-3`, `3.0` or `1e3`; `None` for other text.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, i64::from(exponent.parse::<i32>().ok()?)),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits = whole.bytes().chain(fraction.bytes());
        if mantissa.len() == mantissa.matches('.').count() || !digits.all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent - fraction.len() as i64;
        let (whole, fraction) = (whole.as_bytes(), fraction.as_bytes());
        Some(Decimal { negative: text.starts_with('-'), whole, fraction, exponent })
    }

    /// The digits from the first to the last that is not zero, and the power of ten of the last.
    fn significant(self) -> (impl Iterator<Item = u8>, i64) {
        let digits = self.whole.iter().chain(self.fraction).copied();
        let zeros = digits.clone().rev().take_while(|digit| *digit == b'0').count();
        let length = self.whole.len() + self.fraction.len() - zeros;
        (digits.take(length).skip_while(|digit| *digit == b'0'), self.exponent + zeros as i64)
    }

    /// Returns whether both are the same number.
    pub(super) fn equals(self, other: Decimal<'_>) -> bool {
        let ((left, left_exponent), (right, right_exponent)) = (self.significant(), other.significant());
        let (mut left, mut right) = (left.peekable(), right.peekable());
        let are_zero = left.peek().is_none() && right.peek().is_none();
        self.negative == other.negative && (are_zero || left_exponent == right_exponent) && left.eq(right)
    }

    /// The number, if it is whole and fits.
    pub(super) fn to_i64(self) -> Option<i64> {
        let (digits, exponent) = self.significant();
        let mut value = 0_i128;
        for digit in digits {
            value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        if value == 0 {
            return Some(0);
        }
        // What is left of the fraction is no zero.
        let exponent = u32::try_from(exponent).ok()?;
        value = value.checked_mul(10_i128.checked_pow(exponent)?)?;
        i64::try_from(if self.negative { -value } else { value }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_however_they_are_written() {
        let whole = |text| Decimal::read(text).and_then(Decimal::to_i64);
        assert_eq!(whole("9007199254740993.0"), Some(9_007_199_254_740_993));
        assert_eq!(whole("9007199254740993"), Some(9_007_199_254_740_993));
        assert_eq!(whole("-9223372036854775808.000"), Some(i64::MIN));
        assert_eq!(whole("9223372036854775808"), None);
        assert_eq!(whole("1e3"), Some(1_000));
        assert_eq!(whole("1.5E+1"), Some(15));
        assert_eq!(whole("100e-2"), Some(1));
        assert_eq!(whole("100e-3"), None);
        assert_eq!(whole("1e-2147483649"), None);
        assert_eq!(whole("1e2147483647"), None);
        assert_eq!(whole("0e2147483647"), Some(0));
        assert_eq!(whole("0.000"), Some(0));
        assert_eq!(whole(".5e1"), Some(5));
        for text in ["", ".", "-", "e3", "1e", "1.2.3", "inf", "nan", "0x10", "1_000", "--1"] {
            assert!(Decimal::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn numbers_are_the_same_by_their_value() {
        let same = |a, b| Decimal::read(a).unwrap().equals(Decimal::read(b).unwrap());
        assert!(same("1.10", "1.1e0"));
        assert!(same("1e-07", "0.0000001"));
        assert!(same("1000", "1e3"));
        assert!(same("0", "0.00e9"));
        assert!(!same("0", "-0"));
        assert!(!same("12345678901234567890", "12345678901234567000"));
        assert!(!same("1", "10"));
        assert!(!same("1", "-1"));
    }
}
