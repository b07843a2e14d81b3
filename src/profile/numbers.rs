//! Statistics of numbers that come one after the other.

use asofdb_aggregate::Partial;
use asofdb_expression::{Column, Values};
use asofdb_storage::{Aggregate, NumberProfile, Result, ScalarType, Value, ValueType};

use super::histogram::{histogram, quantile};

const FLOAT: ValueType = ValueType::Scalar(ScalarType::Float64);

const STDDEV: Aggregate = Aggregate::Stddev { population: false };

/// Finite numbers, as far as they are remembered: all of them while there is room, then some that are drawn from all
/// with equal chances.
#[derive(Debug)]
pub(super) struct Numbers {
    count: u64,
    min: f64,
    max: f64,
    mean: Partial,
    stddev: Partial,
    drawn: Vec<f64>,
    room: usize,
    random: u64,
}

impl Numbers {
    /// Has room for so many, and no numbers yet.
    pub(super) fn new(room: usize) -> Result<Self> {
        let [mean, stddev] = [Partial::new(&Aggregate::Mean, Some(FLOAT))?, Partial::new(&STDDEV, Some(FLOAT))?];
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Ok(Numbers { count: 0, min, max, mean, stddev, drawn: Vec::new(), room, random: 0 })
    }

    /// Adds numbers, all of them finite.
    pub(super) fn add(&mut self, numbers: &[f64]) {
        let column = Column::new(Values::Float64(numbers));
        self.mean.fold(Some(&column), 0..numbers.len(), None);
        self.stddev.fold(Some(&column), 0..numbers.len(), None);
        for number in numbers {
            self.count += 1;
            (self.min, self.max) = (self.min.min(*number), self.max.max(*number));
            self.draw(*number);
        }
    }

    /// Algorithm R, with the same draws each time: the same values have the same statistics.
    fn draw(&mut self, number: f64) {
        if self.drawn.len() < self.room {
            return self.drawn.push(number);
        }
        let place = self.next_random() % self.count;
        if let Some(drawn) = usize::try_from(place).ok().and_then(|place| self.drawn.get_mut(place)) {
            *drawn = number;
        }
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The statistics; `None` of no numbers.
    ///
    /// # Errors
    /// `Corrupt` never: what is read back was written here.
    pub(super) fn finish(mut self, is_whole: bool) -> Result<Option<NumberProfile>> {
        if self.count == 0 {
            return Ok(None);
        }
        self.drawn.sort_unstable_by(f64::total_cmp);
        Ok(Some(NumberProfile {
            count: self.count,
            min: self.min,
            max: self.max,
            mean: float_of(&self.mean, &Aggregate::Mean)?,
            stddev: float_of(&self.stddev, &STDDEV)?,
            ranked: self.drawn.len() as u64,
            quantiles: NumberProfile::QUANTILES.map(|q| quantile(&self.drawn, q)),
            histogram: histogram(&self.drawn, is_whole),
        }))
    }
}

fn float_of(partial: &Partial, aggregate: &Aggregate) -> Result<Option<f64>> {
    let mut stored = Vec::new();
    match partial.finish(aggregate, &mut stored) {
        true => match Value::decode(FLOAT, &stored)? {
            Value::Float64(number) => Ok(Some(number).filter(|number| number.is_finite())),
            _ => Ok(None),
        },
        false => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_exact_statistics_while_there_is_room() {
        let mut numbers = Numbers::new(1000).unwrap();
        let all: Vec<f64> = (1..=101).rev().map(f64::from).collect();
        all.chunks(7).for_each(|some| numbers.add(some));
        let profile = numbers.finish(true).unwrap().unwrap();
        assert_eq!((profile.count, profile.ranked, profile.min, profile.max), (101, 101, 1.0, 101.0));
        assert_eq!(profile.mean, Some(51.0));
        assert!((profile.stddev.unwrap() - 858.5_f64.sqrt()).abs() < 1e-9);
        assert_eq!(profile.quantiles, [2.0, 6.0, 26.0, 51.0, 76.0, 96.0, 100.0]);
        assert_eq!(profile.histogram.iter().map(|bucket| bucket.count).sum::<u64>(), 101);
    }

    #[test]
    fn beyond_the_room_numbers_are_drawn_evenly_and_the_same_each_time() {
        let profile = || {
            let mut numbers = Numbers::new(4096).unwrap();
            let all: Vec<f64> = (0..200_000).map(f64::from).collect();
            all.chunks(1000).for_each(|some| numbers.add(some));
            numbers.finish(true).unwrap().unwrap()
        };
        let first = profile();
        assert_eq!(first, profile());
        assert_eq!((first.count, first.ranked, first.min, first.max), (200_000, 4096, 0.0, 199_999.0));
        assert_eq!(first.mean, Some(99_999.5));
        for (q, number) in NumberProfile::QUANTILES.iter().zip(first.quantiles) {
            assert!((number / 200_000.0 - q).abs() < 0.03, "{q}: {number}");
        }
    }

    #[test]
    fn of_nothing_there_are_none_and_what_is_beyond_the_floats_is_left_out() {
        assert_eq!(Numbers::new(8).unwrap().finish(false).unwrap(), None);
        let mut numbers = Numbers::new(8).unwrap();
        numbers.add(&[f64::MAX, f64::MAX]);
        let profile = numbers.finish(false).unwrap().unwrap();
        assert_eq!((profile.mean, profile.max), (None, f64::MAX));
        let mut one = Numbers::new(8).unwrap();
        one.add(&[3.0]);
        let profile = one.finish(false).unwrap().unwrap();
        assert_eq!((profile.mean, profile.stddev), (Some(3.0), None));
    }
}
