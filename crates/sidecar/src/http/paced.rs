//! A connection whose client must read what it has asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::places::Place;
use crate::consumers::Stopwatch;
use crate::slack::Slack;

/// A stream that fails with `TimedOut` when its client has used up its slack by not reading.
pub(super) struct Paced<S> {
    stream: S,
    place: Arc<Place>,
    slack: Slack,
    /// The wait for the client to read, while there is one.
    waiting: Option<(Stopwatch, Pin<Box<Sleep>>)>,
}

impl<S> Paced<S> {
    /// A stream to a client that may leave an answer unread for so long.
    pub(super) fn new(stream: S, place: Arc<Place>, stall_timeout: Duration) -> Self {
        Paced { stream, place, slack: Slack::new(stall_timeout), waiting: None }
    }

    /// Takes the outcome of a try to write: the wait begins, goes on, or ends.
    fn pace(&mut self, context: &mut Context<'_>, tried: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.place.set_unflushed(true);
        if let Poll::Ready(written) = tried {
            let waited = self.waiting.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
            let bytes = written?;
            return Poll::Ready(if self.slack.moved(bytes, waited) { Ok(bytes) } else { Err(timed_out()) });
        }
        let left = self.slack.left();
        let wait = || (Stopwatch::start(), Box::pin(tokio::time::sleep(left)));
        let (_, end) = self.waiting.get_or_insert_with(wait);
        ready!(end.as_mut().poll(context));
        Poll::Ready(Err(timed_out()))
    }
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client did not read its answers")
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.pace(context, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.pace(context, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.place.set_unflushed(false);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::super::places::Places;
    use super::*;

    fn place() -> Arc<Place> {
        Arc::new(Arc::new(Places::new(1)).try_take().unwrap())
    }

    #[test]
    fn a_client_that_reads_nothing_is_cut_off() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (here, _there) = tokio::io::duplex(1_000);
            let mut paced = Paced::new(here, place(), Duration::from_millis(20));
            let error = paced.write_all(&[0; 5_000]).await.unwrap_err();
            assert_eq!(error.to_string(), "the client did not read its answers");
        });
    }

    #[test]
    fn a_client_that_reads_gets_everything() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (here, mut there) = tokio::io::duplex(1_000);
            let mut paced = Paced::new(here, place(), Duration::from_secs(60));
            let reading = tokio::spawn(async move { tokio::io::copy(&mut there, &mut tokio::io::sink()).await });
            paced.write_all(&[0; 500_000]).await.unwrap();
            drop(paced);
            assert_eq!(reading.await.unwrap().unwrap(), 500_000);
        });
    }
}
