//! A sample a second of a soak, as CSV, and what is judged by them.

use std::fmt::Write;
use std::time::Duration;

use super::tally::Tally;

/// A second.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// The work of the clients in it.
    pub(super) tally: Tally,
    /// Memory of the sidecar, in bytes; 0 while there is none.
    pub(super) resident_bytes: u64,
    /// Descriptors of the sidecar.
    pub(super) descriptors: u64,
    /// Bytes of the store's files.
    pub(super) disk_bytes: u64,
    /// True if the sidecar was ended in it.
    pub(super) has_end: bool,
}

/// The excess that the last quarter may have over the second: of the second's, and beside that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    pub(super) share: f64,
    pub(super) more: u64,
}

/// Compares the medians of the second and of the last quarter of some figures.
///
/// # Errors
/// Both medians, when the last one is beyond the bound.
pub(super) fn flat(figures: &[u64], bound: Bound) -> Result<(u64, u64), (u64, u64)> {
    let quarter = figures.len() / 4;
    let median = |part: &[u64]| {
        let mut sorted = part.to_vec();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(0)
    };
    let (second, last) = (median(&figures[quarter..2 * quarter]), median(&figures[figures.len() - quarter..]));
    let most = (second as f64 * (1.0 + bound.share)) as u64 + bound.more;
    if last <= most { Ok((second, last)) } else { Err((second, last)) }
}

/// The samples as CSV, with a header.
pub(super) fn csv(samples: &[Sample]) -> String {
    let mut csv = String::from(
        "second,reads,read_p50_us,read_p99_us,read_p999_us,writes,write_p50_us,write_p99_us,write_p999_us,\
         resident_bytes,descriptors,disk_bytes,sidecar_ended\n",
    );
    for (second, sample) in samples.iter().enumerate() {
        let (reads, writes) = (&sample.tally.reads, &sample.tally.writes);
        let micros = |duration: Duration| duration.as_micros().to_string();
        let of = |histogram: &crate::histogram::Histogram| {
            let quantiles = [0.5, 0.99, 0.999].map(|share| micros(histogram.quantile(share)));
            format!("{},{}", histogram.total(), quantiles.join(","))
        };
        let rest = [sample.resident_bytes, sample.descriptors, sample.disk_bytes, u64::from(sample.has_end)];
        // Writing to a text never fails.
        let _ =
            writeln!(csv, "{second},{},{},{}", of(reads), of(writes), rest.map(|number| number.to_string()).join(","));
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_is_not_flat_and_what_grew_at_first_is() {
        let bound = Bound { share: 0.1, more: 5 };
        let warm: Vec<u64> = (0..100).map(|second| if second < 25 { second } else { 100 + second % 3 }).collect();
        assert_eq!(flat(&warm, bound), Ok((101, 101)));
        let leaking: Vec<u64> = (0..100).map(|second| 100 + second).collect();
        assert_eq!(flat(&leaking, bound), Err((137, 187)));
    }

    #[test]
    fn every_second_is_a_line() {
        let csv = csv(&[Sample::default(), Sample { disk_bytes: 7, has_end: true, ..Sample::default() }]);
        assert_eq!(csv.lines().nth(2), Some("1,0,0,0,0,0,0,0,0,0,0,7,1"));
        let columns = csv.lines().map(|line| line.split(',').count()).collect::<Vec<_>>();
        assert_eq!(columns, [13, 13, 13]);
    }
}
