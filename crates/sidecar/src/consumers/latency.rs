//! Latencies of requests: counts in buckets that grow by a quarter of a power of two.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Up to 2^10 ns, about a microsecond, everything is one bucket.
const LEAST_EXPONENT: u32 = 10;

/// The exponent of the last bucket: 2^36 ns, about 69 seconds, and everything above.
const MOST_EXPONENT: u32 = 36;

/// Buckets a power of two.
const STEPS: u64 = 4;

/// Powers of two in one of the buckets that metrics show.
const COARSE_EXPONENTS: u32 = 2;

const BUCKETS: usize = ((MOST_EXPONENT - LEAST_EXPONENT) as u64 * STEPS) as usize + 2;

/// Counts of durations. Recording is one atomic addition to a bucket and one to the sum.
#[derive(Debug)]
pub(crate) struct Latencies {
    counts: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies { counts: [const { AtomicU64::new(0) }; BUCKETS], sum_nanos: AtomicU64::new(0) }
    }
}

impl Latencies {
    #[inline]
    pub(crate) fn record(&self, elapsed: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Returns the number of durations.
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Returns the counts so far.
    pub(crate) fn snapshot(&self) -> LatencySnapshot {
        LatencySnapshot {
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)),
        }
    }
}

#[inline]
fn bucket(nanos: u64) -> usize {
    let exponent = nanos.max(1).ilog2();
    match exponent {
        ..LEAST_EXPONENT => 0,
        MOST_EXPONENT.. => BUCKETS - 1,
        _ => {
            let step = (nanos >> (exponent - 2)) & (STEPS - 1);
            (u64::from(exponent - LEAST_EXPONENT) * STEPS + step) as usize + 1
        }
    }
}

/// The end of a bucket in nanoseconds, exclusive; of the last one its beginning.
fn bucket_end_nanos(bucket: usize) -> u64 {
    let steps = bucket.min(BUCKETS - 2) as u64;
    (STEPS + steps % STEPS) << (u64::from(LEAST_EXPONENT) - 2 + steps / STEPS)
}

/// The contents of [`Latencies`] at one time.
#[derive(Debug, Clone)]
pub(crate) struct LatencySnapshot {
    counts: Vec<u64>,
    /// The sum of all durations.
    pub(crate) sum: Duration,
}

impl LatencySnapshot {
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration that this part of the requests did not exceed, rounded up by at most a quarter; zero when
    /// there were none. What took longer than 69 seconds counts as 69 seconds.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let wanted = ((self.count() as f64 * part).ceil() as u64).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        reached.map_or(Duration::ZERO, |bucket| Duration::from_nanos(bucket_end_nanos(bucket)))
    }

    /// Returns these counts in few buckets: the end of each in seconds, ascending, and how many fell between it and the
    /// one before. The last one has no end.
    pub(crate) fn coarse(&self) -> Vec<(f64, u64)> {
        let mut coarse = Vec::new();
        let mut within = 0;
        let (_, bounded) = self.counts.split_last().unwrap_or((&0, &[]));
        for (bucket, count) in bounded.iter().enumerate() {
            within += count;
            let end = bucket_end_nanos(bucket);
            if end.is_power_of_two() && (end.ilog2() - LEAST_EXPONENT).is_multiple_of(COARSE_EXPONENTS) {
                coarse.push((end as f64 / 1e9, std::mem::take(&mut within)));
            }
        }
        coarse.push((f64::MAX, within + self.counts.last().copied().unwrap_or(0)));
        coarse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_falls_into_the_bucket_that_ends_after_it() {
        for nanos in (0..70_000_000_000_u64).step_by(7_919_777).chain(0..5_000).chain([u64::MAX]) {
            let bucket = bucket(nanos);
            let last = bucket == BUCKETS - 1;
            assert!(last || nanos < bucket_end_nanos(bucket), "{nanos} in {bucket}");
            assert!(bucket == 0 || nanos >= bucket_end_nanos(bucket - 1), "{nanos} in {bucket}");
        }
        assert_eq!(bucket_end_nanos(0), 1 << LEAST_EXPONENT);
        assert_eq!(bucket_end_nanos(BUCKETS - 1), 1 << MOST_EXPONENT);
    }

    #[test]
    fn quantiles_are_right_to_a_quarter() {
        let latencies = Latencies::default();
        assert_eq!(latencies.snapshot().quantile(0.5), Duration::ZERO);
        (1..=1_000).for_each(|micros| latencies.record(Duration::from_micros(micros)));
        let snapshot = latencies.snapshot();
        assert_eq!(snapshot.count(), 1_000);
        assert_eq!(snapshot.sum, Duration::from_micros(500_500));
        for (part, exact) in [(0.01, 10.0), (0.5, 500.0), (0.99, 990.0), (1.0, 1_000.0)] {
            let found = snapshot.quantile(part).as_secs_f64() * 1e6;
            assert!((exact..=exact * 1.26).contains(&found), "{part}: {found} for {exact}");
        }
    }

    #[test]
    fn coarse_buckets_end_at_powers_of_four_and_hold_every_request() {
        let latencies = Latencies::default();
        for micros in [1, 3, 5, 100, 2_000_000, 90_000_000] {
            latencies.record(Duration::from_micros(micros));
        }
        let coarse = latencies.snapshot().coarse();
        assert_eq!(coarse[0], (1.024e-6, 1));
        assert_eq!(coarse[1], (4.096e-6, 1));
        assert_eq!(coarse[2], (16.384e-6, 1));
        assert_eq!(coarse[13], (68.719476736, 0));
        assert_eq!(coarse[14..], [(f64::MAX, 1)]);
        assert_eq!(coarse.iter().map(|(_, count)| count).sum::<u64>(), 6);
        assert!(coarse.is_sorted_by_key(|(end, _)| *end));
    }
}
