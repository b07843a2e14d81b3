//! One ingest: check everything, then write it.

use std::path::PathBuf;
use std::thread;

use asofdb_storage::{Error, Result, Timestamp, fail_point};

use super::chunk::{Chunk, ChunkSizes};
use super::decode::each_piece;
use super::input::InputFile;
use super::loader::{Loader, WrittenBytes};
use super::rejects::Rejects;
use super::report::IngestedFile;
use super::target::Target;
use crate::progress::{OnProgress, Progress};
use crate::rows::encode::ViewEncoder;
use crate::source::Piece;

pub(super) struct Run<'r, 'p> {
    target: &'r Target<'r>,
    encoder: &'r ViewEncoder,
    files: Vec<InputFile>,
    rejects: Option<Rejects>,
    progress: &'r mut OnProgress<'p>,
    /// One present for all rules, so that a row that was good when it was checked is good when it is written.
    now: Timestamp,
    /// The rows encoded and not yet written: at first those that were checked, up to a step.
    chunk: Chunk,
    rows: u64,
    /// Bytes of the inputs whose rows are part of the store.
    written_bytes: u64,
}

impl<'r, 'p> Run<'r, 'p> {
    pub(super) fn new(
        target: &'r Target<'r>,
        files: Vec<InputFile>,
        rejects: Option<Rejects>,
        sizes: ChunkSizes,
        progress: &'r mut OnProgress<'p>,
    ) -> Result<Self> {
        let (encoder, now) = (target.encoder(), target.now()?);
        let chunk = Chunk::new(sizes);
        let written_bytes = files.iter().map(|file| file.loaded_bytes).sum();
        Ok(Run { target, encoder, files, rejects, progress, now, chunk, rows: 0, written_bytes })
    }

    pub(super) fn run(mut self) -> Result<(Vec<IngestedFile>, Option<PathBuf>)> {
        let (target, written) = (self.target, WrittenBytes::new(self.written_bytes));
        thread::scope(|scope| {
            let loader = Loader::start(scope, target, &written)?;
            let checked = self.check_and_write(&loader);
            // The loader's own error is the cause of what else went wrong.
            loader.finish(&mut || self.tell_written(&written)).and(checked)
        })?;
        self.tell_written(&written);
        fail_point("ingest written");
        let rejects = self.rejects.map(Rejects::finish).transpose()?.flatten();
        Ok((self.files.iter().map(InputFile::report).collect(), rejects))
    }

    fn check_and_write(&mut self, loader: &Loader<'_>) -> Result<()> {
        for index in 0..self.files.len() {
            self.find_rejects_again(index)?;
            self.check(index, loader)?;
        }
        fail_point("ingest checked");
        self.write(loader)
    }

    /// Finds the bad rows of what earlier runs have read, for the rejects file.
    fn find_rejects_again(&mut self, index: usize) -> Result<()> {
        let (file, target, encoder, now) = (&mut self.files[index], self.target, self.encoder, self.now);
        let Some(rejects) = self.rejects.as_mut().filter(|_| file.before.rejected > 0) else { return Ok(()) };
        let (end, mut rejected) = (file.before.read, 0);
        file.source.skip_rows(0);
        each_piece(&file.source, |mut piece| {
            target.check_cancelled()?;
            encoder.check(&piece.batch, now, &mut piece.problems)?;
            rejected += rejects.add(file.source.name(), &piece, end)?;
            Ok(piece.first_row + (piece.len() as u64) < end)
        })?;
        file.rejected_again = rejected;
        Ok(())
    }

    /// Reads what is left of a file and checks it; the rows that fit into the first step are encoded.
    fn check(&mut self, index: usize, loader: &Loader<'_>) -> Result<()> {
        if self.files[index].before.done {
            return Ok(());
        }
        self.each_piece(index, self.files[index].before.read, |run, mut piece| {
            run.gather_if_full(loader)?;
            let is_full = run.chunk.is_full();
            match is_full {
                true => run.encoder.check(&piece.batch, run.now, &mut piece.problems),
                false => run.encoder.encode(&piece.batch, run.now, &mut piece.problems, &mut run.chunk.rows),
            }
            .map_err(|error| run.of_file(index, error))?;
            run.set_aside(index, &piece)?;
            run.files[index].checked_bytes = piece.bytes_done;
            if !is_full {
                run.reach(index, &piece);
            }
            Ok(())
        })?;
        self.files[index].checked_bytes = self.files[index].source.bytes_total();
        if !self.chunk.is_full() {
            self.finish_file(index);
        }
        Ok(())
    }

    /// Writes the first step, then the rest of the files step by step.
    fn write(&mut self, loader: &Loader<'_>) -> Result<()> {
        for index in 0..self.files.len() {
            if self.files[index].reached.done {
                continue;
            }
            self.each_piece(index, self.files[index].reached.read, |run, mut piece| {
                run.gather_if_full(loader)?;
                run.load_if_full(loader)?;
                run.encoder.encode(&piece.batch, run.now, &mut piece.problems, &mut run.chunk.rows)?;
                run.expect_checked(index, &piece)?;
                run.reach(index, &piece);
                Ok(())
            })?;
            self.finish_file(index);
        }
        self.load(loader)
    }

    fn load_if_full(&mut self, loader: &Loader<'_>) -> Result<()> {
        if self.chunk.is_full() { self.load(loader) } else { Ok(()) }
    }

    fn load(&mut self, loader: &Loader<'_>) -> Result<()> {
        let chunk = self.chunk.take();
        if chunk.is_empty() {
            return Ok(());
        }
        let bytes = self.sum(|file| file.loaded_bytes);
        loader.load(chunk, bytes, &mut || self.tell_written(loader.written()))
    }

    /// Has the rows of a step that goes on gathered on disk, when they fill their memory.
    fn gather_if_full(&mut self, loader: &Loader<'_>) -> Result<()> {
        if self.chunk.wants_room() {
            let room = loader.begin(&mut || self.tell_written(loader.written()))?;
            self.chunk.set_room(room);
        }
        let Some(rows) = self.chunk.take_rows() else { return Ok(()) };
        loader.gather(rows, &mut || self.tell_written(loader.written()))
    }

    /// Reads a file from row `start` on, telling the progress after each piece.
    fn each_piece(
        &mut self,
        index: usize,
        start: u64,
        mut take: impl FnMut(&mut Self, Piece) -> Result<()>,
    ) -> Result<()> {
        let mut source = self.files[index].source.clone();
        source.skip_rows(start);
        each_piece(&source, |piece| {
            self.target.check_cancelled()?;
            take(self, piece)?;
            self.tell();
            Ok(true)
        })
    }

    /// A piece is in the chunk.
    fn reach(&mut self, index: usize, piece: &Piece) {
        let file = &mut self.files[index];
        let (rows, bad) = (piece.len() as u64, piece.problems.rows().len() as u64);
        file.reached.read += rows;
        file.reached.rejected += bad;
        file.reached.written += rows - bad;
        file.loaded_bytes = piece.bytes_done;
        self.chunk.note(&file.note, file.reached);
        self.rows += rows;
    }

    fn finish_file(&mut self, index: usize) {
        let file = &mut self.files[index];
        file.reached.done = true;
        file.loaded_bytes = file.source.bytes_total();
        self.chunk.note(&file.note, file.reached);
    }

    /// Sets bad rows aside, or refuses everything for the first one.
    fn set_aside(&mut self, index: usize, piece: &Piece) -> Result<()> {
        let name = self.files[index].source.name();
        let Some((row, message)) = piece.problems.rows().next() else { return Ok(()) };
        match &mut self.rejects {
            Some(rejects) => rejects.add(name, piece, u64::MAX).map(|_| ()),
            None => {
                let (view, place) = (&self.encoder.view().name, piece.place(row));
                Err(Error::invalid(format!("view {view:?}, file {name}, {place}: {message}")))
            }
        }
    }

    /// A bad row that was not bad when it was checked: somebody writes to the file, in a way that its size and
    /// time do not tell.
    fn expect_checked(&mut self, index: usize, piece: &Piece) -> Result<()> {
        match self.rejects {
            Some(_) => Ok(()),
            None => self.set_aside(index, piece),
        }
    }

    fn of_file(&self, index: usize, error: Error) -> Error {
        error.context(format!("file {}", self.files[index].source.name()))
    }

    fn sum(&self, bytes: fn(&InputFile) -> u64) -> u64 {
        self.files.iter().map(bytes).sum()
    }

    /// Tells the progress: each input is checked, encoded and written.
    fn tell(&mut self) {
        let done = self.sum(|file| file.checked_bytes + file.loaded_bytes) + self.written_bytes;
        let total = self.sum(|file| 3 * file.source.bytes_total());
        (self.progress)(Progress { rows: self.rows, done, total: Some(total) });
    }

    fn tell_written(&mut self, written: &WrittenBytes) {
        self.written_bytes = written.get();
        self.tell();
    }
}
