//! Histograms of numbers in order.

use asofdb_storage::{HistogramBucket, NumberProfile};

/// The part of the span between the first and the last percentile beyond which an extreme has a bucket of its own kind:
/// one value that is far away may not put all others into one bucket.
const TAIL: f64 = 0.25;

/// The number of rank `floor(q * (n - 1))`, of at least one number in order.
pub(super) fn quantile(sorted: &[f64], q: f64) -> f64 {
    sorted[(q * (sorted.len() - 1) as f64) as usize]
}

/// The buckets of numbers in order; `is_whole` where all of them are whole. What lies far below or above the others is
/// in the first or the last bucket; those between are equally wide.
pub(super) fn histogram(sorted: &[f64], is_whole: bool) -> Vec<HistogramBucket> {
    let (Some(&min), Some(&max)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    if min == max {
        return vec![HistogramBucket { from: min, to: max, count: sorted.len() as u64 }];
    }
    let mut edges = edges(sorted, is_whole);
    edges.insert(0, min);
    edges.retain(|edge| (min..=max).contains(edge));
    edges.push(max);
    edges.dedup();
    let is_last = |bucket: usize| bucket + 2 == edges.len();
    let mut below = 0;
    let mut buckets = Vec::with_capacity(edges.len() - 1);
    for (bucket, ends) in edges.windows(2).enumerate() {
        let until = if is_last(bucket) { sorted.len() } else { sorted.partition_point(|number| *number < ends[1]) };
        buckets.push(HistogramBucket { from: ends[0], to: ends[1], count: (until - below) as u64 });
        below = until;
    }
    buckets
}

/// The edges between the equally wide buckets, ascending.
fn edges(sorted: &[f64], is_whole: bool) -> Vec<f64> {
    let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
    let (first, last) = (quantile(sorted, 0.01), quantile(sorted, 0.99));
    let tail = TAIL * (last - first);
    let has_tail = |span: f64| tail > 0.0 && span > tail;
    let low = if has_tail(first - min) { first } else { min };
    let high = if has_tail(max - last) { last } else { max };
    let tails = usize::from(low > min) + usize::from(high < max);
    // Rice's rule.
    let wanted = (2.0 * (sorted.len() as f64).cbrt()).ceil() as usize;
    let count = wanted.clamp(1, NumberProfile::BUCKETS_MAX - tails) as f64;
    // Divided before they are subtracted: the span of floats may be beyond the floats.
    let width = high / count - low / count;
    match is_whole && width.is_finite() {
        true => {
            let width = ((high - low + 1.0) / count).ceil();
            (0..=count as u32).map(|edge| low + f64::from(edge) * width).collect()
        }
        false => (0..count as u32).map(|edge| low + f64::from(edge) * width).chain([high]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(buckets: &[HistogramBucket]) -> Vec<(f64, f64, u64)> {
        buckets.iter().map(|bucket| (bucket.from, bucket.to, bucket.count)).collect()
    }

    #[test]
    fn buckets_are_equally_wide_and_have_every_number() {
        let numbers: Vec<f64> = (0..27).map(f64::from).map(|number| number / 4.0).collect();
        let buckets = histogram(&numbers, false);
        assert_eq!(buckets.len(), 6);
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 27);
        assert_eq!((buckets[0].from, buckets[5].to), (0.0, 6.5));
        assert!(buckets.iter().all(|bucket| (bucket.to - bucket.from - 6.5 / 6.0).abs() < 1e-9));
        assert!(histogram(&[], false).is_empty());
        assert_eq!(counts(&histogram(&[2.5; 9], false)), [(2.5, 2.5, 9)]);
    }

    #[test]
    fn whole_numbers_of_a_small_span_have_a_bucket_each() {
        let mut numbers: Vec<f64> = (0..900).map(|number| f64::from(number % 3)).collect();
        numbers.sort_by(f64::total_cmp);
        assert_eq!(counts(&histogram(&numbers, true)), [(0.0, 1.0, 300), (1.0, 2.0, 600)]);
        let wide: Vec<f64> = (0..1000).map(f64::from).collect();
        let buckets = histogram(&wide, true);
        assert_eq!((buckets[0].to, buckets[0].count, buckets.len()), (50.0, 50, 20));
    }

    #[test]
    fn a_number_far_away_is_in_a_bucket_of_its_own() {
        let mut numbers: Vec<f64> = (0..1000).map(f64::from).map(|number| number / 7.0).collect();
        numbers.push(1e12);
        numbers.insert(0, -1e12);
        let buckets = histogram(&numbers, false);
        assert!(buckets.len() > 10 && buckets.len() <= NumberProfile::BUCKETS_MAX);
        assert!(buckets[0].count <= 12 && buckets[buckets.len() - 1].count <= 12);
        assert_eq!(buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 1002);
        assert_eq!((buckets[0].from, buckets[buckets.len() - 1].to), (-1e12, 1e12));
    }

    #[test]
    fn the_whole_range_of_floats_has_a_histogram() {
        let extremes = histogram(&[f64::MIN, -1.0, 0.0, 1.0, f64::MAX], false);
        assert!(extremes.len() <= NumberProfile::BUCKETS_MAX);
        assert_eq!(extremes.iter().map(|bucket| bucket.count).sum::<u64>(), 5);
        assert!(extremes.windows(2).all(|pair| pair[0].to == pair[1].from && pair[0].from < pair[0].to));
        let near = histogram(&[1.0, 1.0 + f64::EPSILON], false);
        assert_eq!(near.iter().map(|bucket| bucket.count).sum::<u64>(), 2);
    }
}
