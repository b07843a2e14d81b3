//! "Did you mean": the known name that a mistyped one is nearest to.

/// Longest name in bytes that is compared: comparing takes time by the product of the lengths.
const COMPARED_BYTES_MAX: usize = 128;

/// Shortest beginning of a name in bytes that stands for it: `str` for `string`.
const PREFIX_BYTES_MIN: usize = 3;

/// The candidate nearest to `name`, if any is near: at most one edit every three characters, or one being the
/// beginning of the other, whatever the case. Of equals the first.
fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let candidates =
        candidates.into_iter().filter(|candidate| *candidate != name && candidate.len() <= COMPARED_BYTES_MAX);
    let name = name.to_lowercase();
    let near = candidates.filter_map(|candidate| Some((distance(&name, candidate)?, candidate)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// Counts the edits that lead from `name` to `candidate`; `None` when they are too many to have been meant.
fn distance(name: &str, candidate: &str) -> Option<usize> {
    let candidate = candidate.to_lowercase();
    let edits = strsim::damerau_levenshtein(name, &candidate);
    let shorter = name.len().min(candidate.len());
    let prefix = shorter >= PREFIX_BYTES_MIN && (name.starts_with(&candidate) || candidate.starts_with(name));
    let near = edits * 3 <= name.chars().count().max(candidate.chars().count());
    (near || prefix).then_some(edits)
}

/// The question to append to an error about an unknown name; empty when nothing is near.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, candidates).map_or_else(String::new, |candidate| format!("; did you mean {candidate:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [&str; 6] = ["bool", "int32", "int64", "float32", "float64", "string"];

    #[test]
    fn slips_beginnings_and_cases_are_recognised() {
        for (name, meant) in
            [("flaot32", "float32"), ("str", "string"), ("int", "int32"), ("Bool", "bool"), ("strings", "string")]
        {
            assert_eq!(closest(name, TYPES), Some(meant), "{name}");
        }
    }

    #[test]
    fn what_is_far_off_is_not_suggested() {
        for name in ["", "x", "decimal", "timestamp", &"string".repeat(40)] {
            assert_eq!(closest(name, TYPES), None, "{name}");
        }
        assert_eq!(closest("ab", ["ac"]), None);
        assert_eq!(closest("temp", []), None);
        assert_eq!(closest("temp", ["temp"]), None);
    }

    #[test]
    fn the_nearest_wins_and_of_equals_the_first() {
        assert_eq!(closest("tempp", ["tempest", "temp"]), Some("temp"));
        assert_eq!(closest("int3", ["int32", "int34"]), Some("int32"));
    }

    #[test]
    fn the_question_is_ready_to_append() {
        assert_eq!(did_you_mean("ttll", ["ttl"]), "; did you mean \"ttl\"?");
        assert_eq!(did_you_mean("owner", ["ttl"]), "");
    }
}
