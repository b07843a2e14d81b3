//! Lines of the log about what clients did wrong: some a second, so that no client fills a disk with them.

use std::time::Duration;

use parking_lot::Mutex;

use crate::consumers::Stopwatch;

/// Most lines a second.
const LINES_MAX: u32 = 20;

const SECOND: Duration = Duration::from_secs(1);

/// Counts the lines about the clients of a door.
#[derive(Debug)]
pub(crate) struct Notices(Mutex<State>);

#[derive(Debug)]
struct State {
    second: Stopwatch,
    /// Lines of this second.
    lines: u32,
    /// Lines that were left out since the last one.
    left_out: u64,
}

impl Default for Notices {
    fn default() -> Self {
        Notices(Mutex::new(State { second: Stopwatch::start(), lines: 0, left_out: 0 }))
    }
}

impl Notices {
    /// Returns whether there may be another line, and then how many were left out before it.
    pub(crate) fn next(&self) -> Option<u64> {
        let mut state = self.0.lock();
        if state.second.elapsed() >= SECOND {
            (state.second, state.lines) = (Stopwatch::start(), 0);
        }
        if state.lines >= LINES_MAX {
            state.left_out += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_refusals_are_some_lines_and_none_is_forgotten() {
        let notices = Notices::default();
        let told: Vec<u64> = (0..1_000).filter_map(|_| notices.next()).collect();
        // On a machine that stands still for a second there are some more.
        assert!((LINES_MAX as usize..500).contains(&told.len()), "{}", told.len());
        notices.0.lock().lines = 0;
        let left_out: u64 = told.iter().sum::<u64>() + notices.next().expect("a new second");
        assert_eq!(told.len() as u64 + left_out, 1_000);
    }
}
