//! Output that waits to be written to a connection: many small answers in one write, large ones without a copy.

use std::io::{self, IoSlice};
use std::time::Duration;

use asofdb_protocol::{HEADER_BYTES, Header};

use crate::consumers::Stopwatch;
use crate::outlet::Outlet;
use crate::slack::Slack;

/// Answers of more bytes are written from where they are.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// Pending bytes that are worth a write, however many requests wait.
const PENDING_BYTES_MAX: usize = 64 << 10;

/// Frames that wait to be written. Every wait for the client to read uses up its slack, whatever is written: a client
/// that reads small answers slowly is cut off as one that reads large ones slowly.
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

    /// Returns whether the client has used up some of its slack.
    pub(crate) fn is_strained(&self) -> bool {
        self.slack.is_strained()
    }

    /// Gives the client slack for time in which it had asked for nothing.
    pub(crate) fn rested(&mut self, rest: Duration) {
        self.slack.rested(rest);
    }

    /// Adds a frame made of several pieces.
    pub(crate) fn frame(&mut self, header: Header, pieces: &[&[u8]], to: &mut impl Outlet) -> io::Result<()> {
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
    pub(crate) fn flush(&mut self, to: &mut impl Outlet) -> io::Result<()> {
        if !self.pending.is_empty() {
            write_all(&mut [IoSlice::new(&self.pending)], to, &mut self.slack)?;
            self.pending.clear();
            self.pending.shrink_to(PENDING_BYTES_MAX + COPIED_BYTES_MAX + HEADER_BYTES);
        }
        Ok(())
    }
}

/// Writes all. The client's slack is used up by waiting for room, and given back by what it takes.
fn write_all(mut slices: &mut [IoSlice<'_>], to: &mut impl Outlet, slack: &mut Slack) -> io::Result<()> {
    // Nothing may be pending: a write of nothing would look like a closed socket.
    IoSlice::advance_slices(&mut slices, 0);
    let mut waited = Duration::ZERO;
    while !slices.is_empty() {
        match to.write_now(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) if slack.moved(written, waited) => {
                IoSlice::advance_slices(&mut slices, written);
                waited = Duration::ZERO;
            }
            Ok(_) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let started = Stopwatch::start();
                to.wait_for_room(slack.left().saturating_sub(waited))?;
                waited += started.elapsed();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use asofdb_protocol::{Input, Kind};

    use super::*;

    /// Takes a few bytes at a time, and lets itself be waited for before each.
    #[derive(Default)]
    struct Slow {
        taken: Vec<u8>,
        /// The time that each wait for room takes.
        pause: Duration,
        has_room: bool,
    }

    impl Outlet for Slow {
        fn write_now(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            if !std::mem::take(&mut self.has_room) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let count = slices[0].len().min(1_000);
            self.taken.extend_from_slice(&slices[0][..count]);
            Ok(count)
        }

        fn wait_for_room(&mut self, patience: Duration) -> io::Result<()> {
            if self.pause >= patience {
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(self.pause);
            self.has_room = true;
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
        let (mut input, mut arriving, mut next) = (Input::new(), slow.taken.as_slice(), 0);
        while input.read_from(&mut arriving).unwrap() > 0 {
            while let Some((header, body)) = input.next(1 << 20).unwrap() {
                assert_eq!((header.id, &body[..4]), (next, &b"abcd"[..]));
                assert_eq!(body.len(), if next % 3 == 1 { 600_004 } else { 4 });
                next += 1;
            }
        }
        assert_eq!(next, 50);
    }

    #[test]
    fn who_reads_small_answers_slowly_is_cut_off_as_who_reads_large_ones_slowly() {
        // 1,000 bytes in 30 ms are 33 KB a second; 200 ms of slack are used up after some eight of them.
        let pause = Duration::from_millis(30);
        for body in [10, 20_000] {
            let mut output = Output::new(Slack::new(Duration::from_millis(200)));
            let mut slow = Slow { pause, ..Slow::default() };
            let body = vec![7u8; body];
            let frame =
                |output: &mut Output, slow: &mut Slow| output.frame(Header::answer(Kind::Latest, 1), &[&body], slow);
            let ended =
                (0..10_000).find_map(|_| frame(&mut output, &mut slow).and_then(|()| output.flush(&mut slow)).err());
            assert_eq!(ended.expect("cut off").kind(), io::ErrorKind::TimedOut);
            assert!(slow.taken.len() <= 8_000, "{}", slow.taken.len());
            assert!(output.is_strained());
        }
    }
}
