//! Codes: values that are only equal or not. One follows from another where the same value always goes with the same.

use std::collections::HashMap;

use super::share::{Share, turns};

/// Most values of a feature that is a bucketing, or another coding, of another.
const VALUES_MAX: usize = 64;

/// The factor by which a bucketing has fewer values than what it follows from.
const COARSER: usize = 3;

/// Returns how many different values there are.
pub(super) fn distinct(codes: &[u64]) -> usize {
    let mut sorted = codes.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

/// The share of entities whose bucket is the one that the numbers around theirs have; `None` where the codes are too
/// many or too few to be buckets of these numbers, or this share is below `share_min`.
///
/// In the order of the numbers each bucket is one run. Every entity that is in another makes two more borders. Equal
/// numbers may come in any order, so that where most of them are one there are few borders by chance.
pub(super) fn buckets(numbers: &[f64], codes: &[u64], share_min: f64) -> Option<Share> {
    let values = distinct(codes);
    let bits: Vec<u64> = numbers.iter().map(|number| (number + 0.0).to_bits()).collect();
    if !(2..=VALUES_MAX).contains(&values) || values * COARSER > distinct(&bits) {
        return None;
    }
    let of = numbers.len();
    let right = |borders: f64| 1.0 - (borders - (values - 1) as f64).max(0.0) / 2.0 / of as f64;
    let share = right(borders(numbers, codes) as f64);
    if share < share_min {
        return None;
    }
    let turned = |turn: usize| borders(numbers, &[&codes[turn..], &codes[..turn]].concat());
    let by_chance: usize = turns(of).map(turned).sum();
    Some(Share { share, chance: right(by_chance as f64 / turns(of).count() as f64), of })
}

/// Returns how often the code changes from one number to the next greater one.
fn borders(numbers: &[f64], codes: &[u64]) -> usize {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_unstable_by(|one, other| {
        numbers[*one].total_cmp(&numbers[*other]).then_with(|| codes[*one].cmp(&codes[*other]))
    });
    order.windows(2).filter(|pair| codes[pair[0]] != codes[pair[1]]).count()
}

/// The share of entities for which each of two codes follows from the other: the same thing under other words. `None`
/// where one of them has too many values for that.
pub(super) fn recoded(xs: &[u64], ys: &[u64]) -> Option<Share> {
    let counts = [distinct(xs), distinct(ys)];
    if counts.iter().any(|count| !(2..=VALUES_MAX).contains(count)) {
        return None;
    }
    let (y_of, x_of) = (usual(xs, ys), usual(ys, xs));
    Some(Share::new(xs, ys, |x, y| y_of.get(&x) == Some(&y) && x_of.get(&y) == Some(&x)))
}

/// The code that most often goes with each.
fn usual(from: &[u64], to: &[u64]) -> HashMap<u64, u64> {
    let mut counts: HashMap<(u64, u64), usize> = HashMap::new();
    from.iter().zip(to).for_each(|(from, to)| *counts.entry((*from, *to)).or_default() += 1);
    let mut sorted: Vec<_> = counts.into_iter().map(|((from, to), count)| (count, from, to)).collect();
    sorted.sort_unstable();
    // The most frequent comes last.
    sorted.into_iter().map(|(_, from, to)| (from, to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_from_numbers_but_for_those_that_are_wrong() {
        // In the order of a hash, as samples are.
        let hashed = |entity: u64| entity.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let ages: Vec<f64> = (0..500).map(|entity| (hashed(entity) % 90) as f64).collect();
        let mut decades: Vec<u64> = ages.iter().map(|age| (*age / 30.0) as u64).collect();
        assert_eq!(buckets(&ages, &decades, 0.9).unwrap().share, 1.0);
        decades[ages.iter().position(|age| *age == 10.0).unwrap()] = 2;
        let share = buckets(&ages, &decades, 0.9).unwrap();
        assert!((share.share - 499.0 / 500.0).abs() < 2e-3 && share.beyond_chance() > 0.98, "{share:?}");
        let any: Vec<u64> = (0..500_u64).map(|entity| entity.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 62).collect();
        assert!(buckets(&ages, &any, 0.0).unwrap().beyond_chance() < 0.2);
        assert_eq!(buckets(&ages, &vec![1; 500], 0.0), None);
        let mostly_zero: Vec<f64> =
            ages.iter().enumerate().map(|(at, age)| if at % 10 == 0 { *age } else { 0.0 }).collect();
        assert!(buckets(&mostly_zero, &any, 0.0).unwrap().beyond_chance() < 0.2, "zeros are in any order");
    }

    #[test]
    fn other_words_for_the_same_are_recognised() {
        let codes: Vec<u64> = (0..300_u64).map(|entity| entity.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61).collect();
        let other: Vec<u64> = codes.iter().map(|code| 1_000 - code * 7).collect();
        assert_eq!(recoded(&codes, &other).unwrap().share, 1.0);
        let coarse: Vec<u64> = codes.iter().map(|code| code / 2).collect();
        assert!(recoded(&codes, &coarse).unwrap().share < 0.7, "that goes one way only");
        let unique: Vec<u64> = (0..300).collect();
        assert_eq!(recoded(&unique, &unique), None);
    }
}
