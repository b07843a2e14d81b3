//! Bounds of the native door, for one client and for all of them.

use std::time::Duration;

use asofdb_protocol::Role;

/// Most places that are for operators alone.
const OPERATOR_PLACES_MAX: usize = 16;

/// Limits of the native protocol. Reaching one gets that client an error or a close; nobody else notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Longest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// Most entity rows of one read.
    pub rows_max: usize,
    /// Longest answer to a read, in bytes.
    pub answer_bytes_max: usize,
    /// Most bytes of large requests and answers that are held at a time, all clients together.
    pub memory_bytes_max: usize,
    /// Most open connections. An eighth of them, and at most 16, are for operators alone. An eighth may be there besides
    /// that have not said hello; of the user who has the most of those the oldest makes room for the next.
    pub connections_max: usize,
    /// Most requests that are taken from one connection before answers are written; the others wait in the socket.
    pub requests_taken_max: usize,
    /// Most requests that are worked on at a time, all clients together.
    pub requests_in_flight_max: usize,
    /// Most memory that a join may hold for a part of its spine and the answers, in bytes; what a client asks beyond
    /// it is not given. Not part of `memory_bytes_max`: there are at most as many joins as bulk requests are worked on.
    pub join_bytes_max: usize,
    /// Most bytes of keys and rows that a client loads in one step; they count in `memory_bytes_max`.
    pub load_bytes_max: usize,
    /// Most bytes of keys and rows that clients have gathered on disk before they are loaded, with 32 for each row, all
    /// clients together. A load gets a quarter of them, and may be `load_bytes_max` over it at its end; one that finds none
    /// left is not gathered. Copies in indexes of events are not counted. What a load gathered goes with its connection,
    /// and after `bulk_timeout`.
    pub gather_bytes_max: u64,
    /// The longest time that a client may take to say hello.
    pub handshake_timeout: Duration,
    /// The longest time that a connection may say nothing.
    pub idle_timeout: Duration,
    /// The longest time that a client may pause within a request, or not read its answers. A client that is slower than
    /// 256 KiB a second uses it up bit by bit.
    pub stall_timeout: Duration,
    /// The longest time that a bulk request may take in all, its time in line and its client's pauses included.
    pub bulk_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            body_bytes_max: 32 << 20,
            rows_max: 100_000,
            answer_bytes_max: 64 << 20,
            memory_bytes_max: 512 << 20,
            connections_max: 1_024,
            requests_taken_max: 1_024,
            requests_in_flight_max: 512,
            join_bytes_max: 256 << 20,
            load_bytes_max: 192 << 20,
            gather_bytes_max: 16 << 30,
            handshake_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(600),
            stall_timeout: Duration::from_secs(10),
            bulk_timeout: Duration::from_secs(4 * 3_600),
        }
    }
}

impl Bounds {
    /// Most bytes of a load: two of them have room beside each other.
    pub(crate) fn load_bytes_max(&self) -> usize {
        self.load_bytes_max.min(self.memory_bytes_max / 2)
    }

    /// Most bytes that one load gathers; 0 where none does.
    pub(crate) fn gather_bytes_of_one(&self) -> u64 {
        match self.gather_bytes_max / 4 {
            // It would be a step as it is.
            few if few <= self.load_bytes_max() as u64 => 0,
            bytes => bytes,
        }
    }

    /// Most connections while one of this role comes: whoever takes all places does not keep out who could end it.
    pub(crate) fn connections_max(&self, role: Role) -> usize {
        match role {
            Role::Operator => self.connections_max,
            Role::Reader | Role::Writer => self.connections_max - (self.connections_max / 8).min(OPERATOR_PLACES_MAX),
        }
    }

    /// Most connections that have not said hello.
    pub(crate) fn handshakes_max(&self) -> usize {
        (self.connections_max / 8).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_places_are_for_operators_alone_where_there_are_enough() {
        let places = |connections_max| {
            let bounds = Bounds { connections_max, ..Bounds::default() };
            [Role::Reader, Role::Writer, Role::Operator].map(|role| bounds.connections_max(role))
        };
        assert_eq!(places(1_024), [1_008, 1_008, 1_024]);
        assert_eq!(places(16), [14, 14, 16]);
        assert_eq!(places(3), [3, 3, 3]);
    }
}
