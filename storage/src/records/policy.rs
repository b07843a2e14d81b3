//! The record of the policy that definitions keep.

use std::sync::Arc;

use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded};

/// The text of a policy, as its record has it.
pub(crate) struct PolicyText(pub(crate) Arc<str>);

#[derive(Encode, Decode)]
pub(crate) struct PolicyRecordV1 {
    text: String,
}

impl Recorded for PolicyText {
    type Written = PolicyRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<PolicyRecordV1, Self>];

    fn name(_: &[u8]) -> String {
        "the policy".to_owned()
    }
}

impl From<&PolicyText> for PolicyRecordV1 {
    fn from(policy: &PolicyText) -> Self {
        PolicyRecordV1 { text: policy.0.as_ref().to_owned() }
    }
}

impl From<PolicyRecordV1> for PolicyText {
    fn from(record: PolicyRecordV1) -> Self {
        PolicyText(record.text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{decode, encode};
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_policy_has_these_bytes_and_damaged_ones_are_refused() {
        let bytes = [&[1][..], &2_u64.to_le_bytes(), "é".as_bytes()].concat();
        assert_eq!(encode(&PolicyText("é".into())).unwrap(), bytes);
        assert_eq!(&*decode::<PolicyText>(b"p", &bytes).unwrap().0, "é");
        for cut in 0..bytes.len() {
            assert_eq!(decode::<PolicyText>(b"p", &bytes[..cut]).err().unwrap().kind(), ErrorKind::Corrupt, "{cut}");
        }
        assert_eq!(decode::<PolicyText>(b"p", &[2]).err().unwrap().kind(), ErrorKind::Conflict);
    }
}
