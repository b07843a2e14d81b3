//! Groups: features of the same join keys, each compared with each.

use std::num::NonZeroUsize;
use std::thread;

use asofdb::{Error, Result};

use super::column::{Column, Values};
use super::duplicate::{Compared, Duplicate, Relation};
use super::numbers::{is_same, ranks};
use super::pair::{Found, Pair};
use super::profile::Profile;
use super::reason;
use super::sample::{Reader, Sample};
use super::stale::{older, stale_copy};

/// Least likeness of names (and descriptions) that tells something by itself.
const NAMED_MIN: f64 = 0.8;

/// Least likeness of names of a pair whose past is looked at although the present tells nothing.
const STALE_NAMED_MIN: f64 = 0.5;

/// Least share of equal values, beyond chance, of such a pair.
const STALE_EQUAL_MIN: f64 = 0.15;

/// Most pairs of a group whose past is looked at: each takes some hundred reads.
const STALE_MAX: usize = 200;

/// Share of equal numbers and correlation of ranks below which two features are not looked at any closer.
const UNLIKE: (f64, f64) = (0.3, 0.25);

/// Features that are compared with all others between two looks at whether to go on.
const BLOCK: usize = 64;

/// Most threads that compare.
const THREADS_MAX: usize = 4;

/// Features of the same join keys, with their values.
pub(super) struct Group<'g> {
    reader: &'g Reader<'g>,
    profiles: &'g [Profile],
    members: Vec<Member>,
    sample: Sample,
}

/// A feature of a group.
struct Member {
    place: usize,
    is_wanted: bool,
    /// Ranks among all sampled entities, NaN where there is no value; empty where it is no number.
    ranks: Vec<f64>,
}

/// The outcome of comparing two features.
enum Outcome {
    Found(Box<Duplicate>),
    /// The past may tell. The greater the number, the more likely it is.
    Past(f64),
}

impl<'g> Group<'g> {
    /// Reads the values of features, which are given by their places among the profiles.
    pub(super) fn new(
        reader: &'g Reader<'g>,
        profiles: &'g [Profile],
        places: Vec<usize>,
        is_wanted: &dyn Fn(&usize) -> bool,
    ) -> Result<Self> {
        let readable: Vec<_> = places.iter().copied().filter(|place| profiles[*place].can_be_read).collect();
        let sample = match readable.is_empty() {
            true => Sample::default(),
            false => reader.sample(profiles, &readable)?,
        };
        let member = |place: usize| Member {
            place,
            is_wanted: is_wanted(&place),
            ranks: sample.columns.get(&place).map(ranked).unwrap_or_default(),
        };
        Ok(Group { reader, profiles, members: places.into_iter().map(member).collect(), sample })
    }

    /// Compares each with each.
    pub(super) fn compare(&self, duplicates: &mut Vec<Duplicate>) -> Result<()> {
        let mut past = Vec::new();
        for block in (0..self.members.len()).step_by(BLOCK) {
            (self.reader.check)()?;
            for (one, other, outcome) in self.compare_block(block)? {
                match outcome {
                    Outcome::Found(duplicate) => duplicates.push(*duplicate),
                    Outcome::Past(likely) => past.push((likely, one, other)),
                }
            }
        }
        past.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| (one.1, one.2).cmp(&(other.1, other.2))));
        for (_, one, other) in past.into_iter().take(STALE_MAX) {
            duplicates.extend(self.with_past(one, other)?);
        }
        Ok(())
    }

    /// Compares some features with all that follow them, in several threads.
    fn compare_block(&self, first: usize) -> Result<Vec<(usize, usize, Outcome)>> {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(THREADS_MAX);
        let last = (first + BLOCK).min(self.members.len());
        let some_of = |thread: usize| {
            let ours = (first..last).skip(thread).step_by(threads);
            let pairs = ours.flat_map(|one| (one + 1..self.members.len()).map(move |other| (one, other)));
            pairs.filter_map(|(one, other)| Some((one, other, self.pair(one, other)?))).collect::<Vec<_>>()
        };
        let compared = thread::scope(|scope| {
            let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || some_of(thread))).collect();
            running.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<Vec<_>, _>>()
        });
        let compared = compared.map_err(|_| Error::internal("a thread that compares features has panicked"))?;
        Ok(compared.into_iter().flatten().collect())
    }

    /// Compares two features as they are now.
    fn pair(&self, one: usize, other: usize) -> Option<Outcome> {
        let (members, profiles) = ([&self.members[one], &self.members[other]], self.profiles_of(one, other));
        let [first, second] = profiles;
        if !members.iter().any(|member| member.is_wanted) {
            return None;
        }
        if let Some(duplicate) = by_definition(first, second) {
            return Some(Outcome::Found(duplicate.into()));
        }
        let Some(pair) = self.values(one, other).filter(Pair::can_tell) else {
            return by_name(first, second).map(|duplicate| Outcome::Found(duplicate.into()));
        };
        if have_windows_of_same_events(first, second) {
            return None;
        }
        let likeness = likeness(first, second);
        let unlike = is_unlike(members, &pair);
        let compared = match if unlike { Err(Compared::default()) } else { pair.compare() } {
            Ok(found) => {
                let tells = tells(first, second, found.relation);
                return tells.then(|| Outcome::Found(duplicate_of(profiles, &found, pair.columns).into()));
            }
            Err(compared) => compared,
        };
        let equal = (compared.equal - compared.by_chance) / (1.0 - compared.by_chance).max(f64::EPSILON);
        let may_be_stale = likeness >= STALE_NAMED_MIN || equal >= STALE_EQUAL_MIN;
        // Values tell more than names, which many have.
        let likely = if equal >= STALE_EQUAL_MIN { 1.0 + equal } else { likeness };
        (may_be_stale && !is_no_duplicate(first, second) && first.view.id != second.view.id && older(&pair).is_some())
            .then_some(Outcome::Past(likely))
    }

    /// Compares one of two features with the past of the other.
    fn with_past(&self, one: usize, other: usize) -> Result<Option<Duplicate>> {
        let profiles = self.profiles_of(one, other);
        let Some(pair) = self.values(one, other) else { return Ok(None) };
        let Some(copy) = older(&pair) else { return Ok(None) };
        let now = pair.compare().err().unwrap_or_default();
        let found = stale_copy(self.reader, &self.sample, &pair, copy, profiles[1 - copy])?;
        Ok(found.map(|mut found| {
            (found.compared.equal, found.compared.rank_correlation) = (now.equal, now.rank_correlation);
            duplicate_of(profiles, &found, pair.columns)
        }))
    }

    fn values(&self, one: usize, other: usize) -> Option<Pair<'_>> {
        let column = |member: usize| self.sample.columns.get(&self.members[member].place);
        Some(Pair::new(column(one)?, column(other)?))
    }

    fn profiles_of(&self, one: usize, other: usize) -> [&Profile; 2] {
        [one, other].map(|member| &self.profiles[self.members[member].place])
    }
}

/// The ranks of numbers, NaN where there is none.
fn ranked(column: &Column) -> Vec<f64> {
    let Values::Numbers(numbers) = &column.values else { return Vec::new() };
    let having: Vec<usize> = (0..numbers.len()).filter(|entity| !numbers[*entity].is_nan()).collect();
    let of = ranks(&having.iter().map(|entity| numbers[*entity]).collect::<Vec<_>>());
    let mut all = vec![f64::NAN; numbers.len()];
    having.into_iter().zip(of).for_each(|(entity, rank)| all[entity] = rank);
    all
}

/// Returns whether two features have nothing in common at first sight. Most pairs end here.
fn is_unlike(members: [&Member; 2], pair: &Pair<'_>) -> bool {
    let (Values::Numbers(xs), Values::Numbers(ys)) = (&pair.columns[0].values, &pair.columns[1].values) else {
        return false;
    };
    let (mut equal, mut sums) = (0, [0.0; 5]);
    for entity in pair.entities.iter().map(|entity| *entity as usize) {
        equal += usize::from(is_same(xs[entity], ys[entity]));
        let (x, y) = (members[0].ranks[entity], members[1].ranks[entity]);
        for (sum, term) in sums.iter_mut().zip([x, y, x * x, y * y, x * y]) {
            *sum += term;
        }
    }
    let of = pair.entities.len() as f64;
    let [x, y, xx, yy, xy] = sums.map(|sum| sum / of);
    let spread = ((xx - x * x) * (yy - y * y)).max(0.0).sqrt();
    let correlation = if spread > 0.0 { (xy - x * y) / spread } else { 0.0 };
    (equal as f64) < UNLIKE.0 * of && correlation.abs() < UNLIKE.1
}

/// Returns whether definitions say that two features are not the same thing, or say already how they belong together.
fn is_no_duplicate(one: &Profile, other: &Profile) -> bool {
    one.is_other_version_of(other) || one.is_computed_from(other) || one.is_judged(other)
}

/// Windows over the same events that are not the same are equal for whoever did nothing lately.
fn have_windows_of_same_events(one: &Profile, other: &Profile) -> bool {
    match (one.view.windows(), other.view.windows()) {
        (Some(windows), Some(others)) => windows.from == others.from,
        _ => false,
    }
}

/// Returns whether a relation makes two features duplicates. Who puts an age and its bucket into one view knows of
/// both.
fn tells(one: &Profile, other: &Profile, relation: Relation) -> bool {
    let in_one_view = one.view.id == other.view.id && matches!(relation, Relation::Bucketed | Relation::SameOrder);
    !in_one_view && !is_no_duplicate(one, other)
}

fn likeness(one: &Profile, other: &Profile) -> f64 {
    match one.likeness(other) {
        (names, Some(descriptions)) => names.max(0.6 * names + 0.4 * descriptions),
        (names, None) => names,
    }
}

/// Two features that are computed in the same way.
pub(super) fn by_definition(one: &Profile, other: &Profile) -> Option<Duplicate> {
    let definition = one.definition.as_ref().filter(|definition| other.definition.as_ref() == Some(definition))?;
    if is_no_duplicate(one, other) {
        return None;
    }
    let reason = format!("both are {definition}");
    Some(Duplicate { reason, ..duplicate([one, other], Relation::SameDefinition, 1.0) })
}

/// Two features that only their names tell, and descriptions.
pub(super) fn by_name(one: &Profile, other: &Profile) -> Option<Duplicate> {
    let likeness = likeness(one, other);
    let may_be = one.view.id != other.view.id
        && one.is_number() == other.is_number()
        && !is_no_duplicate(one, other)
        && !have_windows_of_same_events(one, other);
    (may_be && likeness >= NAMED_MIN).then(|| {
        let reason = "the names are alike, and there are no values to compare".to_owned();
        Duplicate { reason, ..duplicate([one, other], Relation::Named, likeness) }
    })
}

fn duplicate_of(profiles: [&Profile; 2], found: &Found, columns: [&Column; 2]) -> Duplicate {
    // Where that is enough to tell them apart the names are short.
    let names = match profiles[0].feature.name == profiles[1].feature.name {
        true => profiles.map(|profile| profile.reference.as_str()),
        false => profiles.map(|profile| profile.feature.name.as_str()),
    };
    let reason = reason::of_values(names, found, columns);
    let values = Some(found.compared.clone());
    Duplicate { reason, values, ..duplicate(profiles, found.relation, found.beyond_chance) }
}

/// A pair without its evidence.
fn duplicate(profiles: [&Profile; 2], relation: Relation, sure: f64) -> Duplicate {
    let [one, other] = profiles;
    let (names, descriptions) = one.likeness(other);
    let rounded = |number: f64| (number * 1_000.0).round() / 1_000.0;
    // Names that are alike make it surer, by a little.
    let score = relation.weight() * sure.clamp(0.0, 1.0) * (0.95 + 0.05 * names);
    Duplicate {
        features: profiles.map(|profile| profile.reference.clone()),
        owners: profiles.map(|profile| profile.view.owner.clone()),
        types: profiles.map(|profile| profile.feature.ty.to_string()),
        entities: one.entities.clone(),
        relation,
        score: rounded(score),
        reason: String::new(),
        names: rounded(names),
        descriptions: descriptions.map(rounded),
        values: None,
    }
}
