//! Row versions and their order.

use crate::time::Timestamp;

/// A version of a row: when the fact was true and when it became known.
///
/// The derived order, event first and created second, is the one comparison of the engine: *the greatest
/// wins*. Key order, commit, as-of and every backend use it and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The time when the fact was true.
    pub event: Timestamp,
    /// The time when it became known.
    pub created: Timestamp,
}

impl Version {
    /// Bytes of an encoded version.
    pub const ENCODED_BYTES: usize = 16;

    /// A version of a fact that was true at `event` and became known at `created`.
    pub const fn new(event: Timestamp, created: Timestamp) -> Self {
        Version { event, created }
    }

    /// Sixteen bytes whose order is the *reverse* of the versions' order: newest first.
    pub fn to_descending(self) -> [u8; Self::ENCODED_BYTES] {
        let mut bytes = [0; Self::ENCODED_BYTES];
        bytes[..8].copy_from_slice(&descending(self.event));
        bytes[8..].copy_from_slice(&descending(self.created));
        bytes
    }

    /// The inverse of [`Version::to_descending`].
    pub fn from_descending(bytes: &[u8; Self::ENCODED_BYTES]) -> Self {
        let (event, created) = bytes.split_at(8);
        let read = |half: &[u8]| ascending(half.try_into().expect("a half is 8 bytes"));
        Version { event: read(event), created: read(created) }
    }

    /// Returns whether a reader who asks for `at`, knowing what was known at `known_at`, may see this version.
    pub fn is_visible(self, at: Timestamp, known_at: Option<Timestamp>) -> bool {
        self.event <= at && known_at.is_none_or(|known| self.created <= known)
    }
}

/// Eight bytes whose order is the reverse of that of times: flipping the sign bit makes signed order unsigned, and the
/// complement reverses it.
#[inline]
pub(crate) fn descending(time: Timestamp) -> [u8; 8] {
    (!((time.as_micros() as u64) ^ (1 << 63))).to_be_bytes()
}

/// The inverse of [`descending`].
#[inline]
pub(crate) fn ascending(bytes: [u8; 8]) -> Timestamp {
    Timestamp::from_micros((!u64::from_be_bytes(bytes) ^ (1 << 63)) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version() -> impl Strategy<Value = Version> {
        (any::<i64>(), any::<i64>())
            .prop_map(|(e, c)| Version::new(Timestamp::from_micros(e), Timestamp::from_micros(c)))
    }

    proptest! {
        #[test]
        fn encoded_versions_sort_newest_first_and_read_back(a in version(), b in version()) {
            prop_assert_eq!(a.to_descending().cmp(&b.to_descending()), b.cmp(&a));
            prop_assert_eq!(Version::from_descending(&a.to_descending()), a);
        }
    }
}
