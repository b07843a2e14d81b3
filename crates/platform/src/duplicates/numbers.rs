//! Numbers of the same entities: equal, on a line, in one order.

use super::share::Share;

/// The greatest distance of two numbers that are the same, as a part of the greater: `float32` has seven digits.
const SAME: f64 = 1e-6;

/// The greatest distance of numbers from a line, as a part of their usual spread: what is rounded for people is still
/// on it.
const NEAR: f64 = 2e-3;

/// Fewest pairs of entities with different values that a line is drawn through.
const SLOPES_MIN: usize = 16;

/// `y` is `factor * x + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) factor: f64,
    pub(super) offset: f64,
}

/// Returns whether two numbers are the same but for rounding.
pub(super) fn is_same(x: f64, y: f64) -> bool {
    x == y || (x - y).abs() <= SAME * x.abs().max(y.abs())
}

/// The line that entities are on, and how many are, if it `holds`: exactly, or else but for rounding. A few entities
/// that are far off do not move it: slope and offset are medians.
pub(super) fn line(xs: &[f64], ys: &[f64], holds: impl Fn(Share) -> bool) -> Option<(Line, Share)> {
    let half = xs.len() / 2;
    let slope = |at: usize| {
        let run = xs[at + half] - xs[at];
        (run != 0.0).then(|| (ys[at + half] - ys[at]) / run)
    };
    let slopes: Vec<f64> = (0..xs.len() - half).filter_map(slope).collect();
    let factor = if slopes.len() < SLOPES_MIN { None } else { median(slopes) }?;
    let factor = if is_same(factor.abs(), 1.0) { factor.round() } else { factor };
    let offset = median(xs.iter().zip(ys).map(|(x, y)| y - factor * x).collect())?;
    if factor == 0.0 || !factor.is_finite() || !offset.is_finite() {
        return None;
    }
    [SAME, NEAR].into_iter().find_map(|tolerance| {
        let near = tolerance * spread(ys);
        let offset = if offset.abs() <= near { 0.0 } else { offset };
        let on_line = |x: f64, y: f64| {
            let expected = factor * x + offset;
            (y - expected).abs() <= near || is_same(y, expected)
        };
        let share = Share::new(xs, ys, on_line);
        holds(share).then_some((Line { factor, offset }, share))
    })
}

/// The usual spread of numbers: the half of them in the middle, or where these are all one, the mean distance from
/// that.
fn spread(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| sorted[(sorted.len() - 1) * part / 4];
    match at(3) - at(1) {
        0.0 => numbers.iter().map(|number| (number - at(2)).abs()).sum::<f64>() / numbers.len() as f64,
        spread => spread,
    }
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.retain(|number| number.is_finite());
    let middle = numbers.len() / 2;
    (!numbers.is_empty()).then(|| *numbers.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// The rank of each number, from 0; equal numbers share the mean of theirs.
pub(super) fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_unstable_by(|one, other| numbers[*one].total_cmp(&numbers[*other]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut first = 0;
    for equal in order.chunk_by(|one, other| numbers[*one] == numbers[*other]) {
        let rank = first as f64 + (equal.len() - 1) as f64 / 2.0;
        equal.iter().for_each(|at| ranks[*at] = rank);
        first += equal.len();
    }
    ranks
}

/// The correlation of numbers, from -1 to 1; 0 where one of them is constant.
pub(super) fn correlation(xs: &[f64], ys: &[f64]) -> f64 {
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
    let (of_x, of_y) = (mean(xs), mean(ys));
    let (mut both, mut x_alone, mut y_alone) = (0.0, 0.0, 0.0);
    for (x, y) in xs.iter().zip(ys) {
        let (x, y) = (x - of_x, y - of_y);
        (both, x_alone, y_alone) = (both + x * y, x_alone + x * x, y_alone + y * y);
    }
    let alone = (x_alone * y_alone).sqrt();
    if alone > 0.0 { both / alone } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u64) -> Vec<f64> {
        (0..count).map(|entity| (entity.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / 1e3).collect()
    }

    #[test]
    fn a_line_is_found_through_most_entities_and_not_where_there_is_none() {
        let xs = numbers(512);
        let mut ys: Vec<f64> = xs.iter().map(|x| 1.8 * x + 32.0).collect();
        ys[3] = -1e9;
        ys[77] = f64::MAX;
        let holds = |share: Share| share.share > 0.9 && share.beyond_chance() > 0.9;
        let (line, share) = line(&xs, &ys, holds).unwrap();
        assert!((line.factor - 1.8).abs() < 1e-9 && (line.offset - 32.0).abs() < 1e-6, "{line:?}");
        assert_eq!(share.share, 510.0 / 512.0);
        assert!(share.beyond_chance() > 0.99, "{share:?}");
        let others: Vec<f64> = numbers(1_024)[512..].to_vec();
        assert_eq!(super::line(&xs, &others, holds), None);
        assert_eq!(super::line(&[1.0; 64], &[2.0; 64], holds), None);
        assert_eq!(super::line(&[], &[], holds), None);
        let shifted: Vec<f64> = xs.iter().map(|x| x + 0.4).collect();
        let (line, _) = super::line(&xs, &shifted, holds).unwrap();
        assert!(line.factor == 1.0 && (line.offset - 0.4).abs() < 1e-9, "however large the numbers: {line:?}");
    }

    #[test]
    fn equal_numbers_share_their_rank_and_one_order_is_correlated() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, -2.0]), [2.5, 1.0, 2.5, 0.0]);
        let xs = numbers(200);
        let logs: Vec<f64> = xs.iter().map(|x| (x + 1.0).ln()).collect();
        assert!(correlation(&ranks(&xs), &ranks(&logs)) > 0.999_999);
        assert_eq!(correlation(&xs, &[1.0; 200]), 0.0);
    }
}
