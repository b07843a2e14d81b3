//! Audits that a sidecar makes of its own log, within messages.

use crate::codec::{Decode, Encode};

/// Begins an audit of what the sidecar has served.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct AuditRequest {
    /// True to compare with what was known then, false with what is known now.
    pub known_then: bool,
    /// Only what this consumer got.
    pub consumer: Option<String>,
    /// Only answers of this service.
    pub service: Option<String>,
    /// Differences of one feature and reason that are told in full.
    pub examples: u32,
}

/// Asks for audits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AuditsRequest {
    /// The number of one, with its findings; `None`: all that are kept, in short.
    pub number: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encoded_message;

    #[test]
    fn requests_about_audits_travel_as_these_bytes() {
        let request = AuditRequest { known_then: true, consumer: Some("a".to_owned()), service: None, examples: 5 };
        let bytes = [&[1, 1][..], &1_u64.to_le_bytes(), b"a", &[0], &5_u32.to_le_bytes()].concat();
        assert_eq!(encoded_message(&request).unwrap(), bytes);
        assert_eq!(encoded_message(&AuditsRequest { number: None }).unwrap(), [0]);
        let one = [&[1][..], &7_u64.to_le_bytes()].concat();
        assert_eq!(encoded_message(&AuditsRequest { number: Some(7) }).unwrap(), one);
    }
}
