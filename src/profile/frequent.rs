//! The most frequent of values that come one after the other.

use std::collections::HashMap;

use asofdb_storage::{Result, TopValue, Value, ViewProfile};

use crate::json::AsJson;

/// Counts of the most frequent values, in bounded memory (Misra and Gries): exact while there is room for all of them,
/// then each at least what it says, and at most by [`Frequent::lost`] too small.
#[derive(Debug)]
pub(super) struct Frequent {
    /// By hash of the value.
    counted: HashMap<u128, TopValue>,
    room: usize,
    lost: u64,
}

impl Frequent {
    /// Has room for so many values, and none yet.
    pub(super) fn new(room: usize) -> Self {
        Frequent { counted: HashMap::new(), room, lost: 0 }
    }

    /// Counts a value once more. `value` makes it where it is new.
    ///
    /// # Errors
    /// What `value` returns.
    pub(super) fn add(&mut self, hash: u128, value: impl FnOnce() -> Result<Value>) -> Result<()> {
        if let Some(known) = self.counted.get_mut(&hash) {
            known.count += 1;
            return Ok(());
        }
        if self.counted.len() == self.room {
            // Each count has paid for itself, so that this is a step a value.
            self.lost += 1;
            self.counted.retain(|_, known| {
                known.count -= 1;
                known.count > 0
            });
            return Ok(());
        }
        let (text, is_shortened) = text_of(&value()?)?;
        self.counted.insert(hash, TopValue { text, is_shortened, count: 1 });
        Ok(())
    }

    /// Returns the number of different values, if all of them are counted.
    pub(super) fn distinct(&self) -> Option<u64> {
        (self.lost == 0).then_some(self.counted.len() as u64)
    }

    /// The most frequent values, and whether their counts are exact. A count that may be off by more than itself says
    /// nothing, and is left out.
    pub(super) fn finish(self) -> (Vec<TopValue>, bool) {
        let mut top: Vec<_> = self.counted.into_values().filter(|value| value.count > self.lost).collect();
        top.sort_unstable_by(|one, other| other.count.cmp(&one.count).then_with(|| one.text.cmp(&other.text)));
        top.truncate(ViewProfile::TOP_MAX);
        (top, self.lost == 0)
    }
}

/// The text of a value, and whether it is only the beginning.
fn text_of(value: &Value) -> Result<(String, bool)> {
    let text = match value {
        Value::String(text) => text.clone(),
        value => {
            let json = AsJson(value).to_bytes()?;
            String::from_utf8_lossy(&json).trim_matches('"').to_owned()
        }
    };
    if text.len() <= ViewProfile::TEXT_BYTES_MAX {
        return Ok((text, false));
    }
    let end = text.floor_char_boundary(ViewProfile::TEXT_BYTES_MAX);
    Ok((text[..end].to_owned(), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(frequent: &mut Frequent, value: i64, times: usize) {
        (0..times).for_each(|_| frequent.add(value as u128, || Ok(Value::Int64(value))).unwrap());
    }

    fn texts(top: &[TopValue]) -> Vec<(&str, u64)> {
        top.iter().map(|value| (value.text.as_str(), value.count)).collect()
    }

    #[test]
    fn counts_are_exact_while_there_is_room() {
        let mut frequent = Frequent::new(20);
        (0..15).for_each(|value| add(&mut frequent, value, value as usize + 1));
        assert_eq!(frequent.distinct(), Some(15));
        let (top, is_exact) = frequent.finish();
        assert!(is_exact);
        assert_eq!(texts(&top)[..2], [("14", 15), ("13", 14)]);
        assert_eq!(top.len(), ViewProfile::TOP_MAX);
    }

    #[test]
    fn beyond_the_room_a_frequent_value_is_found_among_values_that_are_there_once() {
        let mut frequent = Frequent::new(10);
        for value in 0..1_000 {
            add(&mut frequent, value + 10, 1);
            add(&mut frequent, 1, 2);
        }
        assert_eq!(frequent.distinct(), None);
        let (top, is_exact) = frequent.finish();
        assert!(!is_exact);
        let [one] = top.as_slice() else { panic!("{top:?}") };
        assert_eq!(one.text, "1");
        assert!(one.count > 1_500 && one.count <= 2_000, "{}", one.count);
    }

    #[test]
    fn long_values_are_shortened_between_letters_and_stay_different() {
        let mut frequent = Frequent::new(10);
        let long = |end: char| Value::String(format!("{}{end}", "é".repeat(40)));
        frequent.add(1, || Ok(long('a'))).unwrap();
        frequent.add(2, || Ok(long('b'))).unwrap();
        frequent.add(3, || Ok(Value::Bool(true))).unwrap();
        frequent.add(4, || Ok(Value::String("\"q\"".to_owned()))).unwrap();
        let (top, _) = frequent.finish();
        let shown: Vec<_> = top.iter().map(|value| (value.text.as_str(), value.is_shortened)).collect();
        let cut = "é".repeat(32);
        assert_eq!(shown, [("\"q\"", false), ("true", false), (cut.as_str(), true), (cut.as_str(), true)]);
    }
}
