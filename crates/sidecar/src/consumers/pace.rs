//! The pace of bulk work: who owes bytes waits, where point work is refused.

use std::thread;
use std::time::Duration;

use asofdb::{Result, Stop};

/// The longest wait between two looks at the sign to stop, and at limits that may have changed.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Waits for as long as there is time owed.
///
/// # Errors
/// `Unavailable` when it is told to stop meanwhile.
pub(crate) fn wait_while_owed(stop: &Stop, owed: impl Fn() -> Duration) -> Result<()> {
    loop {
        let time = owed();
        if time.is_zero() {
            return Ok(());
        }
        stop.check()?;
        thread::sleep(time.min(LOOK_EVERY));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::Cell;

    use asofdb::ErrorKind;

    use super::*;

    #[test]
    fn who_owes_waits_until_nothing_is_owed_or_it_is_told_to_stop() {
        let left = Cell::new(3_u32);
        let owed = || {
            left.set(left.get().saturating_sub(1));
            Duration::from_nanos(left.get().into())
        };
        wait_while_owed(&Stop::NEVER, owed).unwrap();
        assert_eq!(left.get(), 0);
        let stop = Stop::new();
        stop.stop();
        let error = wait_while_owed(&stop, || Duration::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
