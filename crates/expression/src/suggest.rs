//! "Did you mean": the known name that a mistyped one is nearest to.

/// Longest name in bytes that is compared: comparing takes time by the product of the lengths.
const COMPARED_BYTES_MAX: usize = 128;

/// Shortest beginning of a name in bytes that stands for it: `int` for `int32`.
const PREFIX_BYTES_MIN: usize = 3;

/// The question to put behind an error about an unknown name; none when nothing is near.
///
/// Near is at most one edit every three characters, or one being the beginning of the other, whatever the case. Of
/// equals the first.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let lower = name.to_lowercase();
    let candidates = known.into_iter().filter(|each| *each != name && each.len() <= COMPARED_BYTES_MAX);
    let near = candidates.filter_map(|each| Some((distance(&lower, each)?, each)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, each)| format!("did you mean `{each}`?"))
}

/// Counts the edits that lead from `name` to `candidate`; `None` when they are too many to have been meant.
fn distance(name: &str, candidate: &str) -> Option<usize> {
    let candidate = candidate.to_lowercase();
    let edits = strsim::damerau_levenshtein(name, &candidate);
    let shorter = name.len().min(candidate.len());
    let is_beginning = shorter >= PREFIX_BYTES_MIN && (name.starts_with(&candidate) || candidate.starts_with(name));
    let is_near = edits * 3 <= name.chars().count().max(candidate.chars().count());
    (is_near || is_beginning).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_none_that_is_far() {
        let known = ["lower", "upper", "len"];
        assert_eq!(did_you_mean("Lowr", known).as_deref(), Some("did you mean `lower`?"));
        assert_eq!(did_you_mean("median", known), None);
        assert_eq!(did_you_mean("len", known), None);
    }
}
