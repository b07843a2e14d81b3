//! Bins of numbers, each wider than the one before by the same factor.

/// The bins: bin `i` holds the numbers from γ^(i-1), which is not in it, to γ^i.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// The logarithm of γ = (1 + e) / (1 - e).
    width: f64,
    per_width: f64,
    /// The factor that makes the end of a bin the number whose distance from both ends is the same part of them: 2 / (1 + γ).
    to_middle: f64,
}

impl Scale {
    /// The bins for a relative error.
    pub(crate) fn new(error: f64) -> Self {
        // A billionth less than promised, which is more than all that is rounded here.
        let error = error * (1.0 - 1e-9);
        let width = libm::log1p(2.0 * error / (1.0 - error));
        Scale { width, per_width: 1.0 / width, to_middle: 1.0 - error }
    }

    /// The bin of a normal positive number.
    #[inline]
    pub(crate) fn bin(&self, magnitude: f64) -> i32 {
        (libm::log(magnitude) * self.per_width).ceil() as i32
    }

    /// The number that stands for all in a bin.
    pub(crate) fn middle(&self, bin: i32) -> f64 {
        // The end of the last bin may lie beyond the greatest float; its middle is taken first.
        let half = libm::exp(f64::from(bin) * self.width * 0.5);
        (half * self.to_middle * half).min(f64::MAX)
    }

    /// All bins that there can be.
    pub(crate) fn bins(&self) -> std::ops::RangeInclusive<i32> {
        self.bin(f64::MIN_POSITIVE)..=self.bin(f64::MAX)
    }
}
