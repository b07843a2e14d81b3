//! Pairs: what the values of two features have in common.

use super::codes::{buckets, distinct, recoded};
use super::column::{Column, Values};
use super::duplicate::{Compared, Relation};
use super::numbers::{Line, correlation, is_same, line, ranks};
use super::share::Share;

/// Most entities that a pair is compared on.
const COMPARED_MAX: usize = 1_024;

/// Fewest entities that tell something.
pub(super) const COMPARED_MIN: usize = 32;

/// Least share of entities for which a relation holds.
const SHARE_MIN: f64 = 0.9;

/// Least distance of that share from chance.
const BEYOND_CHANCE_MIN: f64 = 0.85;

/// Fewest entities for which it would not have held by chance.
const TOLD_BY_MIN: f64 = 12.0;

/// That bound for buckets, of which any flag makes two.
const BUCKETED_MIN: f64 = 0.96;

/// Least correlation of ranks of two features that have the same order.
const SAME_ORDER_MIN: f64 = 0.985;

/// Fewest different numbers of something that has an order.
const ORDERED_VALUES_MIN: usize = 12;

/// Entities for which two features have values, in the order of the sample.
pub(super) struct Pair<'c> {
    pub(super) columns: [&'c Column; 2],
    pub(super) entities: Vec<u32>,
}

/// The finding.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) relation: Relation,
    pub(super) compared: Compared,
    /// True if the first follows from the second, or is the copy of it; otherwise it is the other way round.
    pub(super) is_first_of: bool,
    pub(super) beyond_chance: f64,
}

impl<'c> Pair<'c> {
    pub(super) fn new(one: &'c Column, other: &'c Column) -> Self {
        let both = (0..one.nulls.len()).filter(|entity| one.values.has(*entity) && other.values.has(*entity));
        Pair { columns: [one, other], entities: both.take(COMPARED_MAX).map(|entity| entity as u32).collect() }
    }

    /// Returns whether there are values enough to tell something.
    pub(super) fn can_tell(&self) -> bool {
        self.entities.len() >= COMPARED_MIN
    }

    /// The strongest relation of the values as they are now, and what was compared if there is none.
    pub(super) fn compare(&self) -> Result<Found, Compared> {
        match (&self.columns[0].values, &self.columns[1].values) {
            (Values::Numbers(xs), Values::Numbers(ys)) => self.numbers(xs, ys),
            (Values::Codes { exact: x, folded: xs }, Values::Codes { exact: y, folded: ys }) => {
                self.codes([x, y], [xs, ys])
            }
            (Values::Numbers(xs), Values::Codes { .. }) => self.mixed(xs, 1),
            (Values::Codes { .. }, Values::Numbers(ys)) => self.mixed(ys, 0),
        }
    }

    fn numbers(&self, xs: &[f64], ys: &[f64]) -> Result<Found, Compared> {
        let (xs, ys) = (self.taken(xs), self.taken(ys));
        let equal = Share::new(&xs, &ys, is_same);
        let ordered = correlation(&ranks(&xs), &ranks(&ys));
        let mut compared = Compared { rank_correlation: Some(ordered), ..compared(equal, equal) };
        if holds(equal, BEYOND_CHANCE_MIN) {
            return Ok(found(Relation::Equal, equal, compared));
        }
        if let Some((line, share)) = line(&xs, &ys, |share| holds(share, BEYOND_CHANCE_MIN)) {
            (compared.factor, compared.offset) = (Some(line.factor), Some(line.offset));
            return Ok(found(relation_of(line), share, compared));
        }
        for (is_first_of, numbers, coarser) in [(false, &xs, 1), (true, &ys, 0)] {
            let codes = self.columns[coarser].values.codes(&self.entities);
            if let Some(share) = buckets(numbers, &codes, SHARE_MIN).filter(|share| holds(*share, BUCKETED_MIN)) {
                return Ok(Found { is_first_of, ..found(Relation::Bucketed, share, compared) });
            }
        }
        let values = [&xs, &ys].map(|numbers| distinct(&numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>()));
        if ordered.abs() >= SAME_ORDER_MIN && values.iter().all(|values| *values >= ORDERED_VALUES_MIN) {
            let share = Share { share: ordered.abs(), chance: 0.0, of: xs.len() };
            return Ok(found(Relation::SameOrder, share, compared));
        }
        Err(compared)
    }

    fn codes(&self, exact: [&[u64]; 2], folded: [&[u64]; 2]) -> Result<Found, Compared> {
        let [xs, ys] = exact.map(|codes| self.taken(codes));
        let [folded_xs, folded_ys] = folded.map(|codes| self.taken(codes));
        let equal = Share::new(&xs, &ys, |x, y| x == y);
        if holds(equal, BEYOND_CHANCE_MIN) {
            return Ok(found(Relation::Equal, equal, compared(equal, equal)));
        }
        let alike = Share::new(&folded_xs, &folded_ys, |x, y| x == y);
        let recoded = [Some(alike), recoded(&xs, &ys)];
        match recoded.into_iter().flatten().find(|share| holds(*share, BEYOND_CHANCE_MIN)) {
            Some(share) => Ok(found(Relation::Recoded, share, compared(equal, share))),
            None => Err(compared(equal, equal)),
        }
    }

    /// Numbers, and codes that may be buckets of them or other words for them: `coded` says which of the two they are.
    fn mixed(&self, numbers: &[f64], coded: usize) -> Result<Found, Compared> {
        let numbers = self.taken(numbers);
        let codes = self.columns[coded].values.codes(&self.entities);
        let none = Share { share: 0.0, chance: 0.0, of: numbers.len() };
        if let Some(share) = buckets(&numbers, &codes, SHARE_MIN).filter(|share| holds(*share, BUCKETED_MIN)) {
            let bucketed = found(Relation::Bucketed, share, compared(none, share));
            return Ok(Found { is_first_of: coded == 0, ..bucketed });
        }
        let bits: Vec<u64> = self.columns[1 - coded].values.codes(&self.entities);
        match recoded(&bits, &codes).filter(|share| holds(*share, BUCKETED_MIN)) {
            Some(share) => Ok(found(Relation::Recoded, share, compared(none, share))),
            None => Err(compared(none, none)),
        }
    }

    fn taken<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.entities.iter().map(|entity| values[*entity as usize]).collect()
    }
}

/// Returns whether a relation holds for enough entities, and not by chance.
pub(super) fn holds(share: Share, beyond_chance_min: f64) -> bool {
    share.share >= SHARE_MIN && share.beyond_chance() >= beyond_chance_min && share.told_by() >= TOLD_BY_MIN
}

fn compared(equal: Share, share: Share) -> Compared {
    Compared {
        entities: share.of,
        equal: equal.share,
        share: share.share,
        by_chance: share.chance,
        ..Compared::default()
    }
}

pub(super) fn found(relation: Relation, share: Share, compared: Compared) -> Found {
    let compared = Compared { share: share.share, by_chance: share.chance, ..compared };
    Found { relation, compared, is_first_of: false, beyond_chance: share.beyond_chance() }
}

fn relation_of(line: Line) -> Relation {
    match line {
        Line { factor: 1.0, .. } => Relation::Shifted,
        Line { offset: 0.0, .. } => Relation::Scaled,
        Line { .. } => Relation::Linear,
    }
}
