//! Output that waits to be written to a connection: many small answers in one write, large ones without a copy.

use std::io::{self, IoSlice, Write};

use asofdb_protocol::{HEADER_BYTES, Header};

use crate::consumers::Stopwatch;
use crate::slack::Slack;

/// Answers of more bytes are written from where they are.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// Most bytes of one write.
const WRITE_BYTES_MAX: usize = 256 << 10;

/// Pending bytes that are worth a write, however many requests wait.
const PENDING_BYTES_MAX: usize = 64 << 10;

/// Frames that wait to be written.
#[derive(Debug)]
pub(crate) struct Output {
    pending: Vec<u8>,
    slack: Slack,
}

impl Output {
    /// Output to a client that has so much slack to read it.
    pub(crate) fn new(slack: Slack) -> Self {
        Output { pending: Vec::new(), slack }
    }

    /// Gives the client all of its slack again.
    pub(crate) fn settle(&mut self) {
        self.slack.renew();
    }

    /// Adds a frame made of several pieces.
    pub(crate) fn frame(&mut self, header: Header, pieces: &[&[u8]], to: &mut impl Write) -> io::Result<()> {
        let body_bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        self.pending.extend_from_slice(&Header { body_bytes, ..header }.encode());
        if body_bytes <= COPIED_BYTES_MAX {
            pieces.iter().for_each(|piece| self.pending.extend_from_slice(piece));
            return if self.pending.len() >= PENDING_BYTES_MAX { self.flush(to) } else { Ok(()) };
        }
        let mut slices: Vec<IoSlice<'_>> =
            [self.pending.as_slice()].into_iter().chain(pieces.iter().copied()).map(IoSlice::new).collect();
        write_all(&mut slices, to, &mut self.slack)?;
        self.pending.clear();
        Ok(())
    }

    /// Writes everything that waits.
    pub(crate) fn flush(&mut self, to: &mut impl Write) -> io::Result<()> {
        if !self.pending.is_empty() {
            to.write_all(&self.pending)?;
            self.pending.clear();
            self.pending.shrink_to(PENDING_BYTES_MAX + COPIED_BYTES_MAX + HEADER_BYTES);
        }
        Ok(())
    }
}

/// Writes all, in parts of which none takes longer than the client has slack.
fn write_all(mut slices: &mut [IoSlice<'_>], to: &mut impl Write, slack: &mut Slack) -> io::Result<()> {
    // Nothing may be pending: a write of nothing would look like a closed socket.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let started = Stopwatch::start();
        match write_some(slices, to) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) if slack.moved(written, started.elapsed()) => IoSlice::advance_slices(&mut slices, written),
            Ok(_) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes at most [`WRITE_BYTES_MAX`]: the kernel's time-out is for each wait within a write, not for the write.
fn write_some(slices: &[IoSlice<'_>], to: &mut impl Write) -> io::Result<usize> {
    let mut bytes = 0;
    let fit = slices.iter().take_while(|slice| {
        bytes += slice.len();
        bytes <= WRITE_BYTES_MAX
    });
    match fit.count() {
        0 => to.write(&slices[0][..WRITE_BYTES_MAX]),
        count => to.write_vectored(&slices[..count]),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use asofdb_protocol::{Input, Kind};

    use super::*;

    /// Takes a few bytes at a time.
    #[derive(Default)]
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(1_000);
            self.0.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn small_and_large_frames_come_out_in_order() {
        let mut output = Output::new(Slack::new(Duration::from_secs(10)));
        let mut slow = Slow::default();
        let large = vec![7u8; 600_000];
        for id in 0..50 {
            let header = Header::answer(Kind::Latest, id);
            match id % 3 {
                0 => output.frame(header, &[b"ab", b"cd"], &mut slow).unwrap(),
                1 => output.frame(header, &[b"abcd", &large], &mut slow).unwrap(),
                _ => output.frame(header, &[b"abcd"], &mut slow).unwrap(),
            }
        }
        output.flush(&mut slow).unwrap();
        let (mut input, mut arriving, mut next) = (Input::new(), slow.0.as_slice(), 0);
        while input.read_from(&mut arriving).unwrap() > 0 {
            while let Some((header, body)) = input.next(1 << 20).unwrap() {
                assert_eq!((header.id, &body[..4]), (next, &b"abcd"[..]));
                assert_eq!(body.len(), if next % 3 == 1 { 600_004 } else { 4 });
                next += 1;
            }
        }
        assert_eq!(next, 50);
    }
}
