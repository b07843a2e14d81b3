//! The store's own time: the injected clock, made safe against its jumps.
//!
//! The present follows the clock. It never goes back where the clock goes back by a little, or from a time that is
//! believed ([`trust`]); from a jump that is not believed it returns together with the clock. What is done for good
//! goes by the believed time alone.

#[cfg(all(test, loom))]
mod every_order;
mod stamps;
mod status;
mod trust;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam::utils::CachePadded;

pub use self::stamps::StampRun;
use self::stamps::Stamps;
pub use self::status::{ClockClaim, ClockRepair, ClockStatus};
#[cfg(feature = "rocksdb")]
pub(crate) use self::trust::RecordedClaim;
use self::trust::{AGREED_MIN, STEP_MAX, Trust, Verdict};
use crate::error::{Error, Result};
use crate::sync::{AtomicI64, Mutex};
use crate::time::{Clock, Reading, Timestamp};

/// The injected clock as the store uses it.
///
/// Retention needs a believed time that never goes back (a cut-off that moved back would show what compaction has
/// taken), repeatable reads at a `known_at` need stamps that no two commits share.
pub(crate) struct StoreClock {
    clock: Arc<dyn Clock>,
    /// The greatest present that is believed, in a cache line of its own, since every read of the present may write it.
    believed: CachePadded<AtomicI64>,
    /// The greatest present of a claim, until the clock comes back from it.
    claimed: CachePadded<AtomicI64>,
    bounds: CachePadded<Bounds>,
    judge: Mutex<Judge>,
}

/// Readings that need no judging because they are near one that was judged: a read of the present takes no lock.
struct Bounds {
    /// Up to here readings are believed; the least time while the clock claims more.
    believed: AtomicI64,
    /// From here to `most` they belong to the claim.
    least: AtomicI64,
    most: AtomicI64,
}

struct Judge {
    trust: Trust,
    stamps: Stamps,
}

fn micros(time: Timestamp) -> AtomicI64 {
    AtomicI64::new(time.as_micros())
}

fn load(time: &AtomicI64) -> Timestamp {
    Timestamp::from_micros(time.load(Ordering::Acquire))
}

impl StoreClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let none = || CachePadded::new(micros(Timestamp::MIN));
        let bounds =
            Bounds { believed: micros(Timestamp::MIN), least: micros(Timestamp::MAX), most: micros(Timestamp::MIN) };
        let judge = Judge { trust: Trust::default(), stamps: Stamps::new(Timestamp::MIN, Vec::new()) };
        let bounds = CachePadded::new(bounds);
        StoreClock { clock, believed: none(), claimed: none(), bounds, judge: Mutex::new(judge) }
    }

    /// Goes on from where [`StoreClock::reached`] was when the store was last open.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn resume(&self, reached: Reached) {
        let mut judge = self.judge.lock();
        let reading = self.clock.reading();
        judge.trust = Trust::resume(reached.believed, reached.claim, reading);
        judge.stamps = Stamps::new(reached.stamped, reached.runs);
        self.believed.fetch_max(reached.believed.unwrap_or(Timestamp::MIN).as_micros(), Ordering::AcqRel);
        self.look(&mut judge, reading);
    }

    /// The time that was reached, to be recorded.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn reached(&self) -> Reached {
        let mut judge = self.judge.lock();
        let reading = self.clock.reading();
        let now = self.look(&mut judge, reading);
        let believed = load(&self.believed);
        judge.stamps.settle(now, believed);
        Reached {
            believed: Some(believed).filter(|believed| *believed > Timestamp::MIN),
            stamped: judge.stamps.believed(),
            claim: judge.trust.claim(reading.elapsed),
            runs: judge.stamps.runs().to_vec(),
        }
    }

    /// The present; not before an earlier answer, unless the clock has come back from a claim since.
    pub(crate) fn now(&self) -> Timestamp {
        loop {
            // Before the clock, so that what it showed before a repair does not raise what is believed after it.
            let believed = load(&self.believed);
            let system = self.clock.now();
            if system <= load(&self.bounds.believed) {
                if let Some(now) = raise_from(&self.believed, believed, system) {
                    return now;
                }
                continue;
            }
            if load(&self.bounds.least) <= system && system <= load(&self.bounds.most) {
                let claimed = raise(&self.claimed, system);
                if claimed <= system.plus(STEP_MAX) {
                    return claimed.max(load(&self.believed));
                }
            }
            return self.observe();
        }
    }

    /// The window of what the system's clock shows in which the present is that, but not before a floor: its beginning, its
    /// end, and the floor. `None` where the clock is not the system's.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn window(&self) -> Option<[Timestamp; 3]> {
        if !self.clock.is_of_system() {
            return None;
        }
        let (believed, floor) = (load(&self.bounds.believed), load(&self.believed));
        if believed > Timestamp::MIN {
            return Some([Timestamp::MIN, believed, floor]);
        }
        let (least, most) = (load(&self.bounds.least), load(&self.bounds.most));
        Some([least, most, floor.max(load(&self.claimed))])
    }

    /// The believed present: what is done for good goes by it. It never goes back, but for [`StoreClock::set_back`].
    pub(crate) fn believed(&self) -> Timestamp {
        self.now();
        load(&self.believed)
    }

    /// Looks at the clock, and returns the present.
    pub(crate) fn observe(&self) -> Timestamp {
        let mut judge = self.judge.lock();
        let reading = self.clock.reading();
        self.look(&mut judge, reading)
    }

    /// Judges a reading, and returns the present.
    fn look(&self, judge: &mut Judge, reading: Reading) -> Timestamp {
        let verdict = judge.trust.judge(reading);
        // A claim that was just believed may end before the reading.
        let line = judge.trust.believed(reading.elapsed).filter(|line| *line <= reading.system);
        raise(&self.believed, line.unwrap_or(Timestamp::MIN));
        match verdict {
            Verdict::Believed { until } => self.follow(reading.system, until),
            Verdict::Claimed => self.follow_claim(reading.system),
        }
    }

    fn follow(&self, system: Timestamp, until: Timestamp) -> Timestamp {
        let held = load(&self.claimed);
        self.claimed.store(i64::MIN, Ordering::Release);
        // Where a claim has become what is believed, the present goes on from it.
        let now = if held <= system.plus(STEP_MAX).min(until) { held.max(system) } else { system };
        self.bounds.least.store(i64::MAX, Ordering::Release);
        self.bounds.believed.store(until.as_micros(), Ordering::Release);
        raise(&self.believed, now)
    }

    fn follow_claim(&self, system: Timestamp) -> Timestamp {
        let held = load(&self.claimed);
        let now = if held <= system.plus(STEP_MAX) { held.max(system) } else { system };
        self.claimed.store(now.as_micros(), Ordering::Release);
        self.bounds.believed.store(i64::MIN, Ordering::Release);
        self.bounds.least.store(system.minus(STEP_MAX).as_micros(), Ordering::Release);
        self.bounds.most.store(system.plus(STEP_MAX).as_micros(), Ordering::Release);
        now.max(load(&self.believed))
    }

    /// The created timestamp of a commit: the present, but later than every earlier stamp save those of a jump that
    /// the clock has come back from.
    ///
    /// The present is taken under the lock, so that none is older than one that a stamp was given at already.
    pub(crate) fn stamp(&self) -> Timestamp {
        let mut judge = self.judge.lock();
        let reading = self.clock.reading();
        let now = self.look(&mut judge, reading);
        judge.stamps.next(now, load(&self.believed))
    }

    /// The reading of the clock, and what of it is believed.
    pub(crate) fn status(&self) -> ClockStatus {
        let mut judge = self.judge.lock();
        let reading = self.clock.reading();
        let now = self.look(&mut judge, reading);
        let believed = load(&self.believed);
        judge.stamps.settle(now, believed);
        let ahead = judge.trust.believed(reading.elapsed).map(|line| reading.system.since(line));
        let claim = judge.trust.claim(reading.elapsed);
        ClockStatus {
            system: reading.system,
            now,
            believed: Some(believed).filter(|believed| *believed > Timestamp::MIN),
            claim: claim.map(|claim| ClockClaim { ahead, agreed: claim.agreed, needed: AGREED_MIN }),
            apart: judge.stamps.runs().iter().filter(|run| run.until.is_some()).copied().collect(),
        }
    }

    /// Believes what the system's clock shows, because somebody says so.
    pub(crate) fn believe(&self) {
        let mut judge = self.judge.lock();
        let reading = self.clock.reading();
        if load(&self.believed) <= reading.system.plus(STEP_MAX) {
            judge.trust.believe(reading);
        }
        self.look(&mut judge, reading);
    }

    /// Goes back to the system's clock where that is before what is believed, because somebody says that it is right.
    ///
    /// # Errors
    /// `Conflict` when the clock is far ahead of what is believed: then it must be set right, or believed, first.
    pub(crate) fn set_back(&self) -> Result<bool> {
        let mut judge = self.judge.lock();
        let reading = self.clock.reading();
        self.look(&mut judge, reading);
        let ahead = judge.trust.believed(reading.elapsed).map(|line| reading.system.since(line));
        let is_claim = judge.trust.claim(reading.elapsed).is_some();
        if let Some(ahead) = ahead.filter(|ahead| is_claim && *ahead >= status::QUARANTINE_MIN) {
            let rule =
                "set the system's clock right before a repair, or confirm it: it is ahead of what is believed by";
            return Err(Error::conflict(format!("{rule} {ahead}")));
        }
        let is_before = reading.system.plus(STEP_MAX) < load(&self.believed);
        if is_before {
            judge.trust.believe(reading);
            self.believed.store(reading.system.as_micros(), Ordering::Release);
            judge.stamps.set_back(reading.system);
            self.look(&mut judge, reading);
        }
        Ok(is_before)
    }

    /// Forgets the stamps that the clock has come back from, whose rows have others now.
    pub(crate) fn forget_apart(&self) {
        self.judge.lock().stamps.forget_apart();
    }
}

/// Raises a time that readers share, and returns it. It is written only to say something new.
fn raise(time: &AtomicI64, to: Timestamp) -> Timestamp {
    let (before, to) = (time.load(Ordering::Acquire), to.as_micros());
    let after = if to > before { time.fetch_max(to, Ordering::AcqRel).max(to) } else { before };
    Timestamp::from_micros(after)
}

/// Raises a time that was `before`, and returns it; `None` where it is something else by now.
fn raise_from(time: &AtomicI64, before: Timestamp, to: Timestamp) -> Option<Timestamp> {
    if to <= before {
        return Some(before);
    }
    let (before, after) = (before.as_micros(), to.as_micros());
    time.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).ok().map(|_| to)
}

/// The time that a store has come to.
#[cfg(feature = "rocksdb")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The greatest present that is believed; `None` for a new store that believes none yet.
    pub(crate) believed: Option<Timestamp>,
    /// The greatest created timestamp given up to there.
    pub(crate) stamped: Timestamp,
    /// The clock's claim beyond it.
    pub(crate) claim: Option<RecordedClaim>,
    /// The created timestamps given beyond it.
    pub(crate) runs: Vec<StampRun>,
}
