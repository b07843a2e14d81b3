//! Frames: what goes over the socket, in both directions. The bytes are described in docs/protocol.md.

use std::io::{self, Read};

use asofdb::{Error, Result};

/// Bytes of a frame's header.
pub const HEADER_BYTES: usize = 16;

/// Bytes of a connection's buffer while frames are small.
pub const BUFFER_BYTES: usize = 64 << 10;

/// Longest answer that a client takes.
pub const ANSWER_BYTES_MAX: usize = 1 << 30;

/// Set in the frames of a stream but for the last one.
const MORE: u8 = 1;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// The kind of a frame. An answer has the kind of its request; see [`Header::is_answer`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $($(#[$doc])* $name = $number,)*
        }

        impl Kind {
            /// Every kind.
            #[cfg(test)]
            pub const ALL: &[Kind] = &[$(Kind::$name),*];

            fn from_number(number: u8) -> Option<Kind> {
                match number {
                    $($number => Some(Kind::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    /// The first frame of a connection.
    Hello = 1,
    /// Resolves references into a handle.
    Prepare = 2,
    /// Forgets a handle.
    Release = 3,
    /// Reads the newest values through a handle.
    Latest = 4,
    /// Reads values as of a time through a handle.
    AsOf = 5,
    /// Writes rows of views in one step.
    Write = 6,
    /// Reads the catalog.
    Catalog = 7,
    /// Figures about the store and the consumers.
    Stats = 8,
    /// Asks for the time.
    Ping = 9,
    /// Freshness of a view.
    Freshness = 10,
    /// Versions of a view, or of one entity, as a stream.
    Scan = 11,
    /// A point-in-time join: a stream in, a stream out.
    Join = 12,
    /// Rows of a view from a file: a stream in.
    Load = 13,
    /// A note about a file that was ingested.
    Note = 14,
    /// Makes definitions the catalog.
    Apply = 15,
    /// Deletes an entity.
    Delete = 16,
    /// Erases an entity.
    Erase = 17,
    /// Checks the store.
    Verify = 18,
    /// Compacts the store.
    Compact = 19,
    /// Copies the store.
    Checkpoint = 20,
    /// A piece of a stream.
    Chunk = 21,
    /// The store's view of its clock.
    Clock = 22,
    /// Repairs what a wrong clock has left.
    RepairClock = 23,
    /// Copies the store without sharing its files.
    Copy = 24,
    /// Chooses entities of a view.
    Sample = 25,
    /// Tells what consumers have read.
    Usage = 26,
    /// Tells how fresh views are over all of their entities.
    Ages = 27,
    /// Tells what consumers got of late.
    Answers = 28,
    /// Tells of the feeds of views.
    Feeds = 37,
    /// Loads what is new in the sources of views.
    Materialize = 38,
    /// Tells what models have read.
    Models = 39,
    /// Tells what is wrong, and who was told.
    Alerts = 29,
    /// Makes a text the policy of the catalog.
    Policy = 32,
    /// Reads the log of the catalog.
    Log = 33,
    /// Approves a plan.
    Approve = 34,
    /// Tells the statistics of a view.
    Statistics = 35,
    /// Takes the statistics of a view.
    Profile = 36,
    /// Tells the limits of consumers and views, or changes them.
    Limits = 40,
    /// Tells what consumers did, how fast.
    Consumers = 41,
    /// Begins an audit of what the sidecar has served.
    Audit = 42,
    /// Tells what audits have found.
    Audits = 43,
    /// Makes a plan known to those who may approve it.
    Propose = 44,
    /// Makes a change of the policy known to those who may approve it.
    ProposePolicy = 49,
    /// Asks for the memory of the hot table, whose descriptor comes with the answer.
    Share = 46,
    /// Tells what a client has read out of that memory.
    Report = 47,
    /// Gathers rows of a view for a load: a stream in.
    Gather = 48,
    /// An error; an answer to any request.
    Error = 127,
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes after the header.
    pub body_bytes: usize,
    /// The kind of request, or of what is answered.
    pub kind: Kind,
    /// True if it answers a request.
    pub is_answer: bool,
    /// True if another frame of the same stream follows.
    pub more: bool,
    /// The request's number, which its answers repeat.
    pub id: u64,
}

impl Header {
    /// A request or a piece of one.
    pub fn request(kind: Kind, id: u64) -> Self {
        Header { body_bytes: 0, kind, is_answer: false, more: false, id }
    }

    /// The answer to a request.
    pub fn answer(kind: Kind, id: u64) -> Self {
        Header { is_answer: true, ..Header::request(kind, id) }
    }

    /// Returns this header with another frame to follow, or none.
    pub fn more(self, more: bool) -> Self {
        Header { more, ..self }
    }

    /// The bytes of the header.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&(self.body_bytes as u32).to_le_bytes());
        bytes[4] = self.kind as u8 | u8::from(self.is_answer) << 7;
        bytes[5] = if self.more { MORE } else { 0 };
        bytes[8..].copy_from_slice(&self.id.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// `Invalid` for what cannot be one: an unknown kind, or bits that are not in use.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self> {
        let [a, b, c, d, kind, flags, zero, zeros, id @ ..] = *bytes;
        let known = Kind::from_number(kind & 0x7f)
            .ok_or_else(|| Error::invalid(format!("a frame has an unknown kind: {}", kind & 0x7f)))?;
        if flags & !MORE != 0 || zero != 0 || zeros != 0 {
            return Err(Error::invalid("a frame has bits set that mean nothing in this version of the protocol"));
        }
        Ok(Header {
            body_bytes: u32::from_le_bytes([a, b, c, d]) as usize,
            kind: known,
            is_answer: kind & 0x80 != 0,
            more: flags & MORE != 0,
            id: u64::from_le_bytes(id),
        })
    }
}

/// Appends a frame whose body `write` appends.
pub fn put_frame(out: &mut Vec<u8>, header: Header, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_BYTES]);
    write(out);
    let body_bytes = out.len() - start - HEADER_BYTES;
    out[start..start + HEADER_BYTES].copy_from_slice(&Header { body_bytes, ..header }.encode());
}

/// Bytes that were read and are not yet used up.
#[derive(Debug)]
pub struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the frame that begins at `start`, where it is known and not there yet.
    needed: usize,
}

impl Default for Input {
    fn default() -> Self {
        Input::new()
    }
}

impl Input {
    /// An input into which nothing has arrived.
    pub fn new() -> Self {
        Input { buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, needed: 0 }
    }

    /// Returns whether no frame has begun.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes of memory that the next read wants the buffer to have: more than it has where a long frame goes on.
    /// It grows with what has arrived, so that a length alone costs nothing.
    pub fn wanted_bytes(&self) -> usize {
        let held = self.end - self.start;
        match self.needed > self.buffer.len() && held * 2 >= self.buffer.len() {
            true => self.needed.min(self.buffer.len() * 2),
            false if held == 0 => BUFFER_BYTES,
            false => self.buffer.len(),
        }
    }

    /// Reads once, into a buffer of [`Input::wanted_bytes`].
    pub fn read_from(&mut self, reader: &mut impl Read) -> io::Result<usize> {
        if self.start > 0 && (self.start == self.end || self.end == self.buffer.len()) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let wanted = self.wanted_bytes();
        if wanted != self.buffer.len() {
            self.buffer.resize(wanted, 0);
            self.buffer.shrink_to(wanted);
        }
        let read = reader.read(&mut self.buffer[self.end..])?;
        self.end += read;
        Ok(read)
    }

    /// The next frame, if all of it is there.
    ///
    /// # Errors
    /// `Invalid` when its header cannot be read or its body has more than `body_bytes_max`. Nothing that follows
    /// can be read then.
    #[inline]
    pub fn next(&mut self, body_bytes_max: usize) -> Result<Option<(Header, &[u8])>> {
        let Some((header, frame_bytes)) = self.peek(body_bytes_max)? else { return Ok(None) };
        let body = self.start + HEADER_BYTES..self.start + frame_bytes;
        self.start += frame_bytes;
        Ok(Some((header, &self.buffer[body])))
    }

    /// The body of the frame that [`Input::next`] gave last, with this header; nothing was read since.
    pub fn taken(&self, header: Header) -> &[u8] {
        &self.buffer[self.start - header.body_bytes..self.start]
    }

    /// The header of the next frame and the bytes of all of it, if all of it is there.
    #[inline]
    pub fn peek(&mut self, body_bytes_max: usize) -> Result<Option<(Header, usize)>> {
        self.needed = 0;
        let held = &self.buffer[self.start..self.end];
        let Some((header, _)) = held.split_first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let header = Header::decode(header)?;
        if header.body_bytes > body_bytes_max {
            let message = format!("a frame has at most {body_bytes_max} bytes of body: {}", header.body_bytes);
            return Err(Error::invalid(message));
        }
        let frame_bytes = HEADER_BYTES + header.body_bytes;
        if held.len() < frame_bytes {
            self.needed = frame_bytes;
            return Ok(None);
        }
        Ok(Some((header, frame_bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        for kind in Kind::ALL {
            for (is_answer, more) in [(false, false), (false, true), (true, false), (true, true)] {
                let header = Header { body_bytes: 77, kind: *kind, is_answer, more, id: u64::MAX - 1 };
                assert_eq!(Header::decode(&header.encode()).unwrap(), header);
            }
        }
    }

    #[test]
    fn unknown_kinds_and_unused_bits_are_refused() {
        let good = Header::request(Kind::Ping, 1).encode();
        for (at, value) in [(4, 0), (4, 100), (5, 2), (6, 1), (7, 1)] {
            let mut bad = good;
            bad[at] = value;
            assert!(Header::decode(&bad).is_err(), "byte {at} = {value}");
        }
    }

    #[test]
    fn frames_come_out_whole_however_they_arrive() {
        let mut bytes = Vec::new();
        let bodies = [0usize, 1, 300, 200_000, 0, 65_536 - 16, 5];
        for (id, body) in bodies.iter().enumerate() {
            put_frame(&mut bytes, Header::request(Kind::Ping, id as u64), |out| out.resize(out.len() + body, id as u8));
        }
        for step in [1, 7, 16, 17, 4096, 100_000, usize::MAX] {
            let mut arriving = Stepwise { bytes: &bytes, step };
            let (mut input, mut next) = (Input::new(), 0);
            while input.read_from(&mut arriving).unwrap() > 0 {
                while let Some((header, body)) = input.next(1 << 20).unwrap() {
                    assert_eq!((header.id, body.len()), (next as u64, bodies[next]));
                    assert!(body.iter().all(|byte| *byte == next as u8));
                    next += 1;
                }
            }
            assert_eq!(next, bodies.len());
            assert!(input.is_empty());
            assert_eq!(input.wanted_bytes(), BUFFER_BYTES);
        }
    }

    #[test]
    fn a_length_alone_costs_no_memory() {
        let header = Header { body_bytes: 60 << 20, ..Header::request(Kind::Ping, 1) };
        let mut input = Input::new();
        input.read_from(&mut &header.encode()[..]).unwrap();
        assert!(input.next(64 << 20).unwrap().is_none());
        assert_eq!(input.wanted_bytes(), BUFFER_BYTES);
        assert!(input.next(1 << 20).is_err());
    }

    struct Stepwise<'a> {
        bytes: &'a [u8],
        step: usize,
    }

    impl Read for Stepwise<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.step.min(buffer.len()).min(self.bytes.len());
            buffer[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }
}
