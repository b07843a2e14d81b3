//! Messages about rows that a sidecar gathers for a load.

use super::bulk::LoadRequest;
use crate::codec::{Decode, Encode};

/// Gathers encoded rows of a view, which follow as a stream, for the load that comes behind them on the same connection.
/// With no rows it asks for room, or for the room to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct GatherRequest {
    /// Name of the view.
    pub view: String,
    /// The view that the rows are encoded for.
    pub view_id: u32,
    /// The schema version that the rows are encoded with.
    pub schema_version: u16,
    /// The number of rows that follow.
    pub rows: u64,
    /// Bytes of their keys and rows.
    pub bytes: u64,
}

impl From<GatherRequest> for LoadRequest {
    fn from(request: GatherRequest) -> Self {
        let GatherRequest { view, view_id, schema_version, rows, bytes } = request;
        LoadRequest { view, view_id, schema_version, rows, bytes, notes: Vec::new() }
    }
}

/// Answers a [`GatherRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct GatherAnswer {
    /// Bytes of keys and rows, with 32 for each row, after which the connection takes no more before they are loaded; 0 where
    /// there is no room now.
    pub bytes_max: u64,
}

/// The progress of a load of rows that were gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct LoadProgress {
    /// Bytes of them that are written where they will stay.
    pub done: u64,
    /// Bytes of all of them.
    pub total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn messages_have_the_bytes_of_the_page() {
        let request = GatherRequest { view: "v".into(), view_id: 7, schema_version: 2, rows: 3, bytes: 90 };
        let wire = [
            &[1, 0, 0, 0, 0, 0, 0, 0, b'v', 7, 0, 0, 0, 2, 0][..],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &[90, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(encoded_message(&request).unwrap(), wire.concat());
        assert_eq!(decode_message::<GatherRequest>(&wire.concat()).unwrap(), request);
        assert_eq!(encoded_message(&GatherAnswer { bytes_max: 5 }).unwrap(), [5, 0, 0, 0, 0, 0, 0, 0]);
        let progress = [&[1, 0, 0, 0, 0, 0, 0, 0][..], &[2, 0, 0, 0, 0, 0, 0, 0]].concat();
        assert_eq!(encoded_message(&LoadProgress { done: 1, total: 2 }).unwrap(), progress);
    }
}
