//! "Did you mean".

/// How alike two names must be (Jaro-Winkler) to be taken for a slip of the fingers.
const SIMILARITY_MIN: f64 = 0.8;

/// The candidate most like `name`, if one is like it at all.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(score, candidate)| *score >= SIMILARITY_MIN && *candidate != name).map(|(_, candidate)| candidate)
}

/// `; did you mean "x"?`, or nothing: to be appended to an error.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, candidates).map(|found| format!("; did you mean {found:?}?")).unwrap_or_default()
}
