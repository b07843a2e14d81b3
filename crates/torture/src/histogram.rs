//! Durations in buckets: quantiles of any number of them in a fixed amount of memory.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Buckets of each power of two: a quantile is right to within an eighth.
const BUCKETS_EACH: u64 = 8;

/// Buckets in all: from a microsecond to years.
const BUCKETS: usize = 46 * BUCKETS_EACH as usize;

/// The number of durations of each size. As text: `bucket:count` for each that has some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; BUCKETS] }
    }
}

impl Histogram {
    /// Adds a duration.
    pub(crate) fn record(&mut self, took: Duration) {
        self.counts[bucket(took.as_micros().min(u128::from(u64::MAX >> 16)) as u64)] += 1;
    }

    /// Adds what another one has seen.
    pub(crate) fn merge(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// Returns how many durations were seen.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration that a share of all does not exceed, rounded up; 0 where none was seen.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted && wanted > 0
        });
        Duration::from_micros(found.map_or(0, |bucket| most(bucket as u64)))
    }
}

/// The bucket of a number of microseconds: those below twice [`BUCKETS_EACH`] have one each.
fn bucket(micros: u64) -> usize {
    let shift = micros.max(1).ilog2().saturating_sub(BUCKETS_EACH.ilog2());
    (u64::from(shift) * BUCKETS_EACH + (micros >> shift)) as usize
}

/// The greatest number of microseconds in a bucket.
fn most(bucket: u64) -> u64 {
    let shift = (bucket / BUCKETS_EACH).saturating_sub(1);
    ((bucket - shift * BUCKETS_EACH + 1) << shift) - 1
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seen = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        let parts: Vec<String> = seen.map(|(bucket, count)| format!("{bucket}:{count}")).collect();
        f.write_str(&parts.join(","))
    }
}

impl FromStr for Histogram {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut histogram = Histogram::default();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (bucket, count) = part.split_once(':').ok_or(())?;
            let bucket: usize = bucket.parse().map_err(|_| ())?;
            *histogram.counts.get_mut(bucket).ok_or(())? += count.parse::<u64>().map_err(|_| ())?;
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_in_its_bucket_and_quantiles_are_right_to_within_an_eighth() {
        for micros in (0..5_000).chain([1 << 20, u64::MAX >> 16]) {
            let bucket = bucket(micros) as u64;
            assert!(most(bucket) >= micros && (bucket == 0 || most(bucket - 1) < micros), "{micros}");
            assert!(most(bucket) <= micros + micros / BUCKETS_EACH, "{micros}");
        }
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        let p99 = histogram.quantile(0.99);
        assert!(p99 >= Duration::from_millis(990) && p99 < Duration::from_millis(1_115), "{p99:?}");
        assert_eq!(Histogram::default().quantile(0.99), Duration::ZERO);
    }

    #[test]
    fn a_histogram_reads_back_from_its_text() {
        let mut histogram = Histogram::default();
        [3, 3, 900, 70_000].into_iter().for_each(|micros| histogram.record(Duration::from_micros(micros)));
        let read: Histogram = histogram.to_string().parse().unwrap();
        assert_eq!(read, histogram);
        assert_eq!("".parse(), Ok(Histogram::default()));
        assert!("1:x".parse::<Histogram>().is_err());
    }
}
