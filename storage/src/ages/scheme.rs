//! The widths of buckets: fine around the present, coarser the farther from it.

/// Microseconds of a minute, which is the finest bucket.
pub(crate) const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The widths of buckets. Each is a whole number of those before it, and all are counted from 1970, so that of two
/// buckets one lies within the other, or they do not touch.
const WIDTHS: [i64; 6] = [MINUTE, HOUR, DAY, 32 * DAY, 1_024 * DAY, 32_768 * DAY];

/// The reach of each width but the last behind the present.
const BEHIND: [i64; 5] = [2 * DAY, 40 * DAY, 400 * DAY, 12_800 * DAY, 409_600 * DAY];

/// The reach of each width but the last ahead of the present.
const AHEAD: [i64; 5] = [2 * HOUR, 40 * DAY, 400 * DAY, 12_800 * DAY, 409_600 * DAY];

/// The greatest multiple of `width` that is not after `at`.
pub(crate) fn floor(at: i64, width: i64) -> i64 {
    at.div_euclid(width).saturating_mul(width)
}

/// The widths of buckets around one present: a partition of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scheme {
    /// The first and the last end of each width but the last. They are bounds of buckets of the next width.
    reach: [(i64, i64); 5],
}

impl Scheme {
    /// The widths around `now`, which lies in the years 1 to 9999.
    pub(super) fn around(now: i64) -> Self {
        let reach = |level: usize| {
            let next = WIDTHS[level + 1];
            (floor(now - BEHIND[level], next), floor(now + AHEAD[level], next) + next)
        };
        Scheme { reach: std::array::from_fn(reach) }
    }

    /// The width of the bucket that `at` belongs to.
    pub(super) fn width(&self, at: i64) -> i64 {
        let level = self.reach.iter().position(|(from, until)| (*from..*until).contains(&at));
        WIDTHS[level.unwrap_or(WIDTHS.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    /// 2024-06-01T00:00:30Z.
    const NOW: i64 = 1_717_200_030_000_000;

    #[test]
    fn buckets_are_finer_the_nearer_they_are_to_the_present() {
        let scheme = Scheme::around(NOW);
        let widths = |times: &[i64]| times.iter().map(|at| scheme.width(NOW + at)).collect::<Vec<_>>();
        assert_eq!(widths(&[0, -DAY, -2 * DAY, HOUR, 2 * HOUR]), [MINUTE; 5]);
        assert_eq!(widths(&[-3 * DAY, -40 * DAY, 4 * HOUR, 30 * DAY]), [HOUR; 4]);
        assert_eq!(widths(&[-42 * DAY, -400 * DAY, 42 * DAY]), [DAY; 3]);
        assert_eq!(
            widths(&[-500 * DAY, 500 * DAY, -14_000 * DAY, -500_000 * DAY]),
            [32, 32, 1_024, 32_768].map(|d| d * DAY)
        );
    }

    #[test]
    fn the_buckets_of_all_times_are_fewer_than_eight_thousand() {
        let scheme = Scheme::around(NOW);
        let (mut at, mut count) = (floor(Timestamp::FIRST.as_micros(), WIDTHS[5]), 0);
        while at <= Timestamp::LAST.as_micros() {
            let width = scheme.width(at);
            assert_eq!((floor(at, width), scheme.width(at + width - 1)), (at, width), "buckets are whole");
            at += width;
            count += 1;
        }
        assert!((7_000..8_000).contains(&count), "{count}");
    }
}
