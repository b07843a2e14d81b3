//! A watch over the clock: its jumps are logged.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{ClockStatus, Error, Result};
use tracing::{info, warn};

use crate::service::Service;

/// The time between two looks at the clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Logs what becomes of the clock, until it is dropped.
#[derive(Debug)]
pub struct ClockWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ClockWatch {
    /// Begins to watch the clock of a service's store.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: Arc<Service>) -> Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("clock".into())
            .spawn(move || watch(&service, &stopped))
            .map_err(|error| Error::unavailable("cannot start a thread that watches the clock").with_source(error))?;
        Ok(ClockWatch { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for ClockWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it, and nothing depends on it.
            let _ = thread.join();
        }
    }
}

fn watch(service: &Service, stopped: &Receiver<()>) {
    let mut seen = Seen::default();
    loop {
        seen.log(&service.store.clock());
        if stopped.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// The state that was logged last.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    is_ahead: bool,
    is_behind: bool,
    apart: usize,
}

impl Seen {
    /// Logs what has changed.
    fn log(&mut self, status: &ClockStatus) {
        let next = Seen {
            is_ahead: status.quarantined().is_some(),
            is_behind: status.behind().is_some(),
            apart: status.apart.len(),
        };
        let (system, believed) = (status.system, status.believed.unwrap_or_default());
        let is_wrong = |seen: &Seen| (seen.is_ahead, seen.is_behind);
        if is_wrong(self) != is_wrong(&next) {
            match status.warning() {
                Some(warning) => warn!(%system, %believed, "{warning}"),
                None => info!(%system, %believed, "the clock is where the store expects it"),
            }
        }
        if next.apart > self.apart {
            warn!(
                ranges = next.apart,
                "rows have created timestamps that are ahead; a repair of the time gives them others"
            );
        }
        *self = next;
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{Clock, ManualClock, Span, Store, Timestamp};

    use super::*;

    #[test]
    fn a_jump_and_its_end_are_each_seen_once() {
        let clock = ManualClock::new(Timestamp::from_micros(1_717_200_000_000_000));
        let store = Store::in_memory(clock.clone());
        store.confirm_clock().unwrap();
        let mut seen = Seen::default();
        seen.log(&store.clock());
        assert_eq!(seen, Seen::default());
        let right = clock.now();
        clock.step(right.plus(Span::from_secs(86_400)));
        seen.log(&store.clock());
        assert_eq!(seen, Seen { is_ahead: true, ..Seen::default() });
        clock.step(right.minus(Span::from_secs(86_400)));
        seen.log(&store.clock());
        assert_eq!(seen, Seen { is_behind: true, ..Seen::default() });
        clock.step(right);
        seen.log(&store.clock());
        assert_eq!(seen, Seen::default());
    }
}
