//! Pipes: lines that cannot be read again.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use asofdb::{Error, Result};
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::lines::Lines;
use crate::options::Begin;
use crate::position::Position;
use crate::source::{Content, Record, Source, Take, Waited};

/// The one partition of a pipe.
const PARTITION: &str = "lines";

/// Lines that wait to be taken. The writer of the pipe waits where there are more.
const WAITING_MAX: usize = 64;

/// Lines that come through a pipe, such as the standard input. What was read and not written is lost with the process.
pub struct Pipe {
    address: String,
    lines: Receiver<io::Result<Line>>,
    next: VecDeque<io::Result<Line>>,
}

struct Line {
    /// The offsets of its first byte, and of the line that follows.
    offsets: [u128; 2],
    content: std::result::Result<Vec<u8>, String>,
}

impl Pipe {
    /// Reads in a thread of its own, for as long as it is there and somebody writes.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn new(name: &str, reader: impl Read + Send + 'static) -> Result<Self> {
        let (sender, lines) = bounded(WAITING_MAX);
        let started = thread::Builder::new().name("pipe".into()).spawn(move || read(reader, &sender));
        started.map_err(|error| Error::unavailable("cannot start a thread that reads a pipe").with_source(error))?;
        Ok(Pipe { address: name.to_owned(), lines, next: VecDeque::new() })
    }
}

fn read(reader: impl Read, sender: &Sender<io::Result<Line>>) {
    let mut lines = Lines::new(reader, 0);
    loop {
        let line = match lines.next() {
            Ok(Some(record)) => Ok(Line::of(record)),
            Ok(None) => break,
            Err(error) => Err(error),
        };
        let (is_last, end) = (line.is_err(), lines.offset().into());
        let line = line.map(|line| Line { offsets: [line.offsets[0], end], ..line });
        if sender.send(line).is_err() || is_last {
            return;
        }
    }
    let last = lines.last().map(Line::of);
    let end = lines.offset().into();
    // Whoever takes them has gone.
    let _ = last.map(|line| sender.send(Ok(Line { offsets: [line.offsets[0], end], ..line })));
}

impl Line {
    fn of(record: Record<'_>) -> Self {
        let content = match record.content {
            Content::Value(value) => Ok(value.to_vec()),
            Content::Bad(reason) => Err(reason.to_owned()),
            Content::Fields(_) => Err("a line has no fields".to_owned()),
        };
        Line { offsets: [record.offset; 2], content }
    }
}

impl Source for Pipe {
    fn address(&self) -> &str {
        &self.address
    }

    fn resumes(&self) -> bool {
        false
    }

    fn partitions(&mut self) -> Result<Vec<String>> {
        Ok(vec![PARTITION.to_owned()])
    }

    fn begin(&mut self, _partition: &str, _begin: Begin) -> Result<Option<Position>> {
        Ok(Some(Position::default()))
    }

    fn read(&mut self, _partition: &str, from: &Position, take: &mut Take<'_>) -> Result<Position> {
        let mut position = from.clone();
        while let Some(line) = self.next.pop_front().or_else(|| self.lines.try_recv().ok()) {
            let line =
                line.map_err(|error| Error::unavailable(format!("cannot read {}", self.address)).with_source(error))?;
            let content = match &line.content {
                Ok(value) => Content::Value(value),
                Err(reason) => Content::Bad(reason),
            };
            let wants_more = take(Record { offset: line.offsets[0], content }) == ControlFlow::Continue(());
            position.offset = line.offsets[1];
            if !wants_more {
                break;
            }
        }
        Ok(position)
    }

    fn wait(&mut self, patience: Duration) -> Waited {
        if !self.next.is_empty() {
            return Waited::Maybe;
        }
        match self.lines.recv_timeout(patience) {
            Ok(line) => {
                self.next.push_back(line);
                Waited::Maybe
            }
            Err(RecvTimeoutError::Timeout) => Waited::Maybe,
            Err(RecvTimeoutError::Disconnected) => Waited::Ended,
        }
    }

    fn behind(&mut self, _partition: &str, _at: &Position) -> Result<Option<u64>> {
        Ok(None)
    }
}
