//! Reasons: the evidence for a pair, in one line.

use super::column::{Column, Values};
use super::duplicate::{Compared, Relation};
use super::pair::Found;

/// Fewest entities of which one feature is null where the other has a value, to be told.
const NULLS_MIN: usize = 8;

/// The line for what values have told.
pub(super) fn of_values(names: [&str; 2], found: &Found, columns: [&Column; 2]) -> String {
    let Compared { entities, equal, share, factor, offset, rank_correlation, .. } = &found.compared;
    let [one, other] = names;
    let [derived, from] = if found.is_first_of { [one, other] } else { [other, one] };
    let for_them = format!("for {} of {entities} entities", percent(*share));
    let (factor, offset) = (factor.unwrap_or(1.0), offset.unwrap_or(0.0));
    let text = match found.relation {
        Relation::Equal => format!("equal {for_them}"),
        Relation::Shifted => format!("{other} is {one} {} {for_them}", plus(offset)),
        Relation::Scaled => format!("{other} is {} times {one} {for_them}", number(factor)),
        Relation::Linear => format!("{other} is {} times {one} {} {for_them}", number(factor), plus(offset)),
        Relation::Recoded => format!("each value of {one} goes with one of {other}, {for_them}"),
        Relation::Bucketed => format!("{derived} follows from {from} {for_them}"),
        Relation::StaleCopy => format!(
            "{derived} has what {from} had at the time of its own rows, {for_them}; now they are equal for {}",
            percent(*equal)
        ),
        Relation::SameOrder => {
            let rank_correlation = rank_correlation.unwrap_or_default();
            format!("{one} and {other} put {entities} entities into one order (rank correlation {rank_correlation:.3})")
        }
        Relation::SameDefinition | Relation::Named => String::new(),
    };
    match nulls(names, columns) {
        Some(nulls) if found.relation != Relation::StaleCopy => format!("{text}; {nulls}"),
        _ => text,
    }
}

/// Tells how one feature has a value where the other is null.
fn nulls(names: [&str; 2], columns: [&Column; 2]) -> Option<String> {
    for (null, valued) in [(0, 1), (1, 0)] {
        let entities = (0..columns[null].nulls.len() as u32)
            .filter(|entity| columns[null].nulls[*entity as usize] && columns[valued].values.has(*entity as usize));
        let entities: Vec<u32> = entities.collect();
        if entities.len() < NULLS_MIN {
            continue;
        }
        let mut codes = columns[valued].values.codes(&entities);
        codes.sort_unstable();
        let usual = codes.chunk_by(|one, other| one == other).max_by_key(|equal| equal.len())?;
        let value = match &columns[valued].values {
            Values::Numbers(_) => number(f64::from_bits(usual[0])),
            Values::Codes { .. } => "one value".to_owned(),
        };
        let share = percent(usual.len() as f64 / entities.len() as f64);
        let (null, valued, count) = (names[null], names[valued], entities.len());
        return Some(format!(
            "where {null} is null {valued} is not, for {count} entities ({value} for {share} of them)"
        ));
    }
    None
}

fn percent(share: f64) -> String {
    format!("{} %", number((share * 1_000.0).round() / 10.0))
}

fn plus(offset: f64) -> String {
    let sign = if offset < 0.0 { "minus" } else { "plus" };
    format!("{sign} {}", number(offset.abs()))
}

/// A number with six digits behind the first, without zeros at its end.
fn number(value: f64) -> String {
    let first = if value == 0.0 { 0.0 } else { value.abs().log10().floor() };
    let digits = (6.0 - first).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.4, "0.4"),
            (100.0, "100"),
            (1.8, "1.8"),
            (123_456_789.0, "123456789"),
            (-0.000_123, "-0.000123"),
            (0.0, "0"),
            (1.0 / 3.0, "0.3333333"),
            (99.8, "99.8"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!((plus(-3.0), percent(0.9981)), ("minus 3".to_owned(), "99.8 %".to_owned()));
    }
}
