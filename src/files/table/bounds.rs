//! The least and the greatest value of a column chunk, and whether its pages are in order.

use parquet::basic::BoundaryOrder;

/// Most bytes of a bound of a text: the rest tells readers nothing that is worth its room.
pub(super) const BOUND_BYTES_MAX: usize = 64;

/// A value that bounds others.
pub(super) trait Bound: Clone {
    /// Returns whether it comes before another one.
    fn is_before(&self, other: &Self) -> bool;

    /// Its bytes in a column index.
    fn to_bytes(&self) -> Vec<u8>;
}

impl Bound for Vec<u8> {
    fn is_before(&self, other: &Self) -> bool {
        self < other
    }

    fn to_bytes(&self) -> Vec<u8> {
        self.clone()
    }
}

/// The bounds of the pages of a column chunk.
pub(super) struct Bounds<B> {
    whole: Option<(B, B)>,
    last: Option<(B, B)>,
    ascending: bool,
    descending: bool,
}

impl<B: Bound> Bounds<B> {
    pub(super) fn new() -> Self {
        Bounds { whole: None, last: None, ascending: true, descending: true }
    }

    /// Takes those of the next page that has values.
    pub(super) fn add(&mut self, least: B, greatest: B) {
        if let Some((last_least, last_greatest)) = &self.last {
            self.ascending &= !least.is_before(last_least) && !greatest.is_before(last_greatest);
            self.descending &= !last_least.is_before(&least) && !last_greatest.is_before(&greatest);
        }
        self.whole = Some(match self.whole.take() {
            None => (least.clone(), greatest.clone()),
            Some((a, b)) => (
                if least.is_before(&a) { least.clone() } else { a },
                if b.is_before(&greatest) { greatest.clone() } else { b },
            ),
        });
        self.last = Some((least, greatest));
    }

    /// The least and the greatest value, and the order of the pages.
    pub(super) fn finish(self) -> (Option<(B, B)>, BoundaryOrder) {
        let order = match (self.ascending, self.descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        };
        (self.whole, order)
    }
}

/// Cuts the least of some texts, so that it is still no greater than they are; says whether it is whole.
pub(super) fn cut_least(value: &[u8], is_text: bool) -> (Vec<u8>, bool) {
    (cut(value, is_text).to_vec(), value.len() <= BOUND_BYTES_MAX)
}

/// Cuts the greatest of some texts and makes the last of what is left greater; says whether it is whole. It is where
/// nothing of it can be made greater.
pub(super) fn cut_greatest(value: &[u8], is_text: bool) -> (Vec<u8>, bool) {
    if value.len() <= BOUND_BYTES_MAX {
        return (value.to_vec(), true);
    }
    let cut = cut(value, is_text);
    match if is_text { next_text(cut) } else { next_bytes(cut) } {
        Some(next) => (next, false),
        None => (value.to_vec(), true),
    }
}

/// The first bytes, which in a text are whole characters.
fn cut(value: &[u8], is_text: bool) -> &[u8] {
    let mut len = value.len().min(BOUND_BYTES_MAX);
    while is_text && len < value.len() && value[len] & 0xc0 == 0x80 {
        len -= 1;
    }
    &value[..len]
}

fn next_bytes(cut: &[u8]) -> Option<Vec<u8>> {
    let last = cut.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut next = cut[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

fn next_text(cut: &[u8]) -> Option<Vec<u8>> {
    let mut characters: Vec<char> = std::str::from_utf8(cut).ok()?.chars().collect();
    while let Some(last) = characters.pop() {
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        // A longer character would come after all the same, and the bound would grow.
        if let Some(next) = next.filter(|next| next.len_utf8() == last.len_utf8()) {
            characters.push(next);
            return Some(characters.into_iter().collect::<String>().into_bytes());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_long_texts_are_cut_to_whole_characters_and_still_bound() {
        let text = format!("{}é{}", "a".repeat(BOUND_BYTES_MAX - 1), "z".repeat(9)).into_bytes();
        assert_eq!(cut_least(&text, true), ("a".repeat(BOUND_BYTES_MAX - 1).into_bytes(), false));
        let greatest = format!("{}b", "a".repeat(BOUND_BYTES_MAX - 2)).into_bytes();
        assert!(greatest > text);
        assert_eq!(cut_greatest(&text, true), (greatest, false));
        assert_eq!(cut_least(b"short", true), (b"short".to_vec(), true));
        assert_eq!(cut_greatest(b"short", true), (b"short".to_vec(), true));
    }

    #[test]
    fn a_bound_that_cannot_be_made_greater_is_whole() {
        let bytes = [u8::MAX; 100];
        assert_eq!(cut_greatest(&bytes, false), (bytes.to_vec(), true));
        let text = "\u{10ffff}".repeat(30).into_bytes();
        assert_eq!(cut_greatest(&text, true), (text.clone(), true));
        let mut mixed = vec![1; 20];
        mixed.extend([u8::MAX; 80]);
        let mut next = vec![1; 19];
        next.push(2);
        assert_eq!(cut_greatest(&mixed, false), (next, false));
    }

    #[test]
    fn pages_are_in_order_when_both_of_their_bounds_are() {
        let order = |pages: &[(i64, i64)]| {
            let mut bounds = Bounds::new();
            pages.iter().for_each(|(least, greatest)| bounds.add(*least, *greatest));
            bounds.finish()
        };
        assert_eq!(order(&[(1, 5), (5, 9)]), (Some((1, 9)), BoundaryOrder::ASCENDING));
        assert_eq!(order(&[(5, 9), (1, 9)]), (Some((1, 9)), BoundaryOrder::DESCENDING));
        assert_eq!(order(&[(1, 9), (2, 8)]), (Some((1, 9)), BoundaryOrder::UNORDERED));
        assert_eq!(order(&[]), (None, BoundaryOrder::ASCENDING));
    }
}
