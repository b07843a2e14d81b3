//! The manner of a hostile client: what it sends, and how it reads.

use asofdb_protocol::{
    Form, Header, Hello, Kind as Frame, MAGIC, PROTOCOL_VERSION, PrepareRequest, encode_message, put_frame,
};

use super::kind::{Door, Kind};
use crate::Random;
use crate::http::request;

/// Ways in which the clients of one kind differ.
pub(super) const VARIANTS: u64 = 8;

/// Entities of a large read.
const LARGE_ROWS: u64 = 1_000;

/// Small requests that are sent together: a crowd, which is one thread, has to be able to ask for more than it reads.
const MANY: usize = 400;

/// Bytes a second of a client that reads little: less than a busy sidecar answers to each of a thousand.
const LITTLE_BYTES: usize = 2_000;

/// The manner of a client: the bytes it sends, and its way of reading.
#[derive(Debug, Default)]
pub(super) struct Manner {
    /// Sent first, at once.
    pub(super) first: Vec<u8>,
    /// Sent after it, a byte every second, over and over.
    pub(super) drip: Vec<u8>,
    /// Sent after it as fast as it is taken, over and over.
    pub(super) again: Vec<u8>,
    pub(super) reads: Reads,
    /// True if it leaves when it has sent what comes first.
    pub(super) leaves: bool,
}

/// The way in which a client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Reads {
    /// Everything, at once.
    #[default]
    All,
    /// So many bytes every second.
    Slowly(usize),
    /// Nothing.
    Nothing,
}

impl Manner {
    /// The manner of a kind's clients; `variant` is below [`VARIANTS`].
    pub(super) fn new(kind: Kind, door: Door, variant: u64, random: &mut Random) -> Self {
        match (kind, door) {
            (Kind::Silent, _) => Manner::default(),
            (Kind::Garbage, _) => {
                let count = 1 + random.below(5_000) as usize;
                Manner { first: random.bytes(count), ..Manner::default() }
            }
            (Kind::Leaving, _) => {
                let first = if variant.is_multiple_of(2) { Vec::new() } else { good_request(door) };
                Manner { first, leaves: true, ..Manner::default() }
            }
            (_, Door::Native) => native(kind, variant),
            (_, Door::Http) => http(kind, variant),
        }
    }
}

fn native(kind: Kind, variant: u64) -> Manner {
    let greeted = |rest: &[u8]| [&hello(), rest].concat();
    let (mut small, mut large) = (prepare(), prepare());
    small.splice(..0, hello());
    large.splice(..0, hello());
    match kind {
        Kind::Dripping => Manner { first: greeted(&head(Frame::Write, 1 << 20)), drip: vec![7], ..Manner::default() },
        Kind::Half => {
            let request = read(LARGE_ROWS);
            let half = if variant.is_multiple_of(2) { 7 } else { request.len() / 2 };
            Manner { first: greeted(&request[..half]), ..Manner::default() }
        }
        Kind::Lying => Manner { first: greeted(&lie(variant)), ..Manner::default() },
        Kind::Hoarding => {
            let again = read(1).repeat(MANY);
            Manner { first: small, again, reads: Reads::Slowly(LITTLE_BYTES), ..Manner::default() }
        }
        Kind::NeverReading => {
            Manner { first: large, again: read(LARGE_ROWS), reads: Reads::Nothing, ..Manner::default() }
        }
        Kind::Flooding => Manner { first: small, again: read(1).repeat(MANY / 20), ..Manner::default() },
        _ => Manner { first: hello(), ..Manner::default() },
    }
}

fn http(kind: Kind, variant: u64) -> Manner {
    let even = variant.is_multiple_of(2);
    let head = "POST /v1/latest HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
    let with_body = |length: &str, body: &str| format!("{head}{length}\r\n\r\n{body}").into_bytes();
    let first = |first: Vec<u8>| Manner { first, ..Manner::default() };
    match kind {
        Kind::Dripping if even => {
            Manner { drip: b"a".to_vec(), ..first(b"GET /v1/views HTTP/1.1\r\nX-Drip: ".to_vec()) }
        }
        Kind::Dripping => Manner { drip: b" ".to_vec(), ..first(with_body("1000", "{")) },
        Kind::Half if even => first(b"GET /v1/views HTTP/1.1\r\nHost: local".to_vec()),
        Kind::Half => first(with_body("1000", "{\"features\": [")),
        Kind::Lying => match variant % 4 {
            0 => first(with_body("99999999999999", "{}")),
            1 => first(with_body("-1", "{}")),
            2 => first(with_body("16000000", "{}")),
            _ => first(with_body("2\r\nTransfer-Encoding: chunked", "ffffffffffffffff0\r\n{}")),
        },
        Kind::Hoarding => Manner {
            again: request("/v1/latest", Some(&latest(LARGE_ROWS / 4))).into_bytes(),
            reads: Reads::Slowly(LITTLE_BYTES),
            ..Manner::default()
        },
        Kind::NeverReading => Manner {
            again: request("/v1/latest", Some(&latest(LARGE_ROWS))).into_bytes(),
            reads: Reads::Nothing,
            ..Manner::default()
        },
        Kind::Flooding => Manner { again: good_request(Door::Http), ..Manner::default() },
        _ => first(good_request(Door::Http)),
    }
}

/// A request that is answered at once.
fn good_request(door: Door) -> Vec<u8> {
    match door {
        Door::Native => [hello(), prepare(), read(1)].concat(),
        Door::Http => request("/v1/latest", Some(&latest(1))).into_bytes(),
    }
}

/// The body of a read of the first entities over HTTP.
pub(super) fn latest(entities: u64) -> String {
    let entities: Vec<String> = (0..entities).map(|id| format!("{{\"user_id\": {id}}}")).collect();
    format!("{{\"features\": [\"profile:*\"], \"entities\": [{}]}}", entities.join(","))
}

fn hello() -> Vec<u8> {
    let hello = Hello { magic: MAGIC, versions: (PROTOCOL_VERSION, PROTOCOL_VERSION), consumer: None, model: None };
    message(Frame::Hello, &hello)
}

/// Prepares all features; the first handle of a connection has the number 0.
fn prepare() -> Vec<u8> {
    let request = PrepareRequest { references: vec!["profile:*".to_owned()], form: Form::Rows };
    message(Frame::Prepare, &request)
}

fn message<M: asofdb_protocol::Message>(kind: Frame, message: &M) -> Vec<u8> {
    let mut frame = Vec::new();
    put_frame(&mut frame, Header::request(kind, 1), |out| encode_message(message, out).expect("a message of ours"));
    frame
}

/// A read of the first entities through the first handle.
fn read(rows: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    put_frame(&mut frame, Header::request(Frame::Latest, 2), |out| {
        out.extend(0u32.to_le_bytes());
        out.extend((rows as u32).to_le_bytes());
        (1..=rows as u32).for_each(|row| out.extend((row * 8).to_le_bytes()));
        (0..rows).for_each(|id| out.extend((id ^ (1 << 63)).to_be_bytes()));
    });
    frame
}

/// The head of a frame whose body has so many bytes.
fn head(kind: Frame, body_bytes: usize) -> Vec<u8> {
    Header { body_bytes, ..Header::request(kind, 3) }.encode().to_vec()
}

/// A frame, or the begin of one, whose lengths are not true.
fn lie(variant: u64) -> Vec<u8> {
    let text_of = |bytes: u64| [&bytes.to_le_bytes()[..], b"abc"].concat();
    match variant % 4 {
        // Longer than any frame may be.
        0 => head(Frame::Latest, u32::MAX as usize),
        // As long as a frame may be, and nothing follows.
        1 => head(Frame::Write, 32 << 20),
        // A whole frame with a text of more bytes than there are; then half of the next one.
        2 => [head(Frame::Freshness, 11), text_of(u64::MAX >> 1), head(Frame::Ping, 4)].concat(),
        // More rows than there are keys; then half of the next one.
        _ => [head(Frame::Latest, 8), vec![0, 0, 0, 0, 255, 255, 0, 0], head(Frame::Ping, 4)].concat(),
    }
}

#[cfg(test)]
mod tests {
    use asofdb_protocol::Input;

    use super::*;

    #[test]
    fn good_requests_are_whole_frames() {
        let bytes = good_request(Door::Native);
        let mut input = Input::new();
        input.read_from(&mut bytes.as_slice()).unwrap();
        let mut kinds = Vec::new();
        while let Some((header, _)) = input.next(1 << 20).unwrap() {
            kinds.push(header.kind);
        }
        assert_eq!(kinds, [Frame::Hello, Frame::Prepare, Frame::Latest]);
        assert!(input.is_empty());
    }

    #[test]
    fn every_kind_has_a_manner() {
        let mut random = Random::new(1);
        for (kind, door) in Kind::ALL.into_iter().flat_map(|kind| Door::ALL.map(|door| (kind, door))) {
            for variant in 0..VARIANTS {
                let manner = Manner::new(kind, door, variant, &mut random);
                assert_eq!(manner.first.is_empty() && manner.again.is_empty() && !manner.leaves, kind == Kind::Silent);
            }
        }
    }
}
