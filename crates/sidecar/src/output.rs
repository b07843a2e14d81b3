//! Output that waits to be written to a connection: many small answers in one write, large ones without a copy.

use std::io::{self, IoSlice, Write};

use asofdb_protocol::{HEADER_BYTES, Header};

/// Answers of more bytes are written from where they are.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// Pending bytes that are worth a write, however many requests wait.
const PENDING_BYTES_MAX: usize = 64 << 10;

/// Frames that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pending: Vec<u8>,
}

impl Output {
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
        write_all(&mut slices, to)?;
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

fn write_all(mut slices: &mut [IoSlice<'_>], to: &mut impl Write) -> io::Result<()> {
    while !slices.is_empty() {
        match to.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
        let (mut output, mut slow) = (Output::default(), Slow::default());
        let large = vec![7u8; 100_000];
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
                assert_eq!(body.len(), if next % 3 == 1 { 100_004 } else { 4 });
                next += 1;
            }
        }
        assert_eq!(next, 50);
    }
}
