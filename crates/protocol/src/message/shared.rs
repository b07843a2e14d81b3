//! Memory that a sidecar shares with clients, within messages.

use crate::codec::{Decode, Encode};

/// Asks for the memory of the hot table. Its descriptor comes with the answer, as SCM_RIGHTS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ShareRequest;

/// The memory of a hot table, beside its descriptor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct SharedMessage {
    /// The number of its grants: the table is to be read for as long as its header has the same.
    pub grants: u64,
}

/// The reads of one request that a client has answered by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct ReadsMessage {
    /// The references of the request.
    pub references: Vec<String>,
    /// Calls.
    pub calls: u64,
    /// Entity rows of all of them together.
    pub rows: u64,
    /// By column of the answer, where there are any: values that were null, missing and expired.
    pub holes: Vec<(u32, [u64; 3])>,
}

/// Tells what a client has read out of shared memory since it last did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct ReportRequest {
    /// The reads, a request each.
    pub reads: Vec<ReadsMessage>,
    /// Hashes of some of the rows that were read, so that they stay in the table.
    pub used: Vec<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encoded_message;

    #[test]
    fn messages_about_shared_memory_travel_as_these_bytes() {
        assert!(encoded_message(&ShareRequest).unwrap().is_empty());
        assert_eq!(encoded_message(&SharedMessage { grants: 5 }).unwrap(), 5_u64.to_le_bytes());
        let reads = ReadsMessage { references: vec!["v:f".into()], calls: 2, rows: 3, holes: vec![(1, [4, 5, 6])] };
        let report = ReportRequest { reads: vec![reads], used: vec![7] };
        let mut bytes = Vec::new();
        [1_u64, 1, 3].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(b"v:f");
        [2_u64, 3, 1].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(1_u32.to_le_bytes());
        [4_u64, 5, 6, 1, 7].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        assert_eq!(encoded_message(&report).unwrap(), bytes);
    }
}
