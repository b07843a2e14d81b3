//! The aims of asofdb, and how far it is from them.

use crate::report::numbers::{digits, time};
use crate::results::{Board, Entry};

/// What is compared.
enum Figure {
    /// The median time of a request.
    Time,
    /// Rows a second.
    Rate,
}

/// An aim: a number of times better than a peer, or a time.
struct Aim {
    scenario: &'static str,
    ours: &'static str,
    wanted: Wanted,
}

enum Wanted {
    /// So many times as fast as this one; less than 1: it may be that much slower.
    Times(f64, &'static str, Figure),
    /// At most so many nanoseconds.
    Within(f64),
}

const fn times(scenario: &'static str, ours: &'static str, theirs: &'static str, wanted: f64) -> Aim {
    Aim { scenario, ours, wanted: Wanted::Times(wanted, theirs, Figure::Time) }
}

const fn rate(scenario: &'static str, ours: &'static str, theirs: &'static str, wanted: f64) -> Aim {
    Aim { scenario, ours, wanted: Wanted::Times(wanted, theirs, Figure::Rate) }
}

const fn within(scenario: &'static str, ours: &'static str, nanoseconds: f64) -> Aim {
    Aim { scenario, ours, wanted: Wanted::Within(nanoseconds) }
}

const AIMS: &[Aim] = &[
    times("latest", "asofdb", "RocksDB", 8.0),
    times("latest", "asofdb", "hash map", 1.0 / 1.5),
    times("keyed", "asofdb", "murr in memory", 4.0),
    within("views", "asofdb", 8_000.0),
    rate("as-of", "asofdb", "RocksDB", 3.0),
    rate("writes", "asofdb", "RocksDB", 1.0),
    times("served-one", "asofdb sidecar", "Redis blobs", 1.0),
    times("served-hundred", "asofdb sidecar", "Redis blobs", 3.0),
    times("served-thousand", "asofdb sidecar", "Redis blobs", 3.0),
    times("served-one", "asofdb sidecar", "Redis hashes", 3.0),
    times("served-thousand", "asofdb sidecar", "Redis hashes", 50.0),
    rate("served-clients", "asofdb sidecar", "Redis blobs", 2.0),
    within("served-views", "asofdb sidecar", 20_000.0),
    within("served-views", "asofdb shared memory", 12_000.0),
    times("served-one", "asofdb shared memory", "asofdb sidecar", 10.0),
    within("served-thousand", "asofdb shared memory", 60_000.0),
    times("served-keyed", "asofdb sidecar", "murr Flight, memory", 1.0),
    times("feast-1", "asofdb sidecar", "Feast + Redis", 100.0),
];

/// The aims as a table: what was wanted and what was found.
pub fn table(board: &Board) -> String {
    let rows: Vec<String> = AIMS.iter().filter_map(|aim| row(aim, board)).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("| aim | found | |\n|---|---|---|\n{}\n", rows.join("\n"))
}

fn row(aim: &Aim, board: &Board) -> Option<String> {
    let find = |contender: &str| -> Option<&Entry> {
        let mut entries = board.entries.iter();
        let is_it = |entry: &&Entry| entry.scenario == aim.scenario && entry.contender == contender;
        entries.find(is_it).filter(|entry| entry.failed.is_none())
    };
    let ours = find(aim.ours)?;
    let (wanted, found, is_met) = match &aim.wanted {
        Wanted::Within(most) => {
            let found = ours.p50()?.median;
            (format!("within {}", time(*most)), time(found), found <= *most)
        }
        Wanted::Times(wanted, theirs, figure) => {
            let theirs_found = find(theirs)?;
            let found = match figure {
                Figure::Time => theirs_found.p50()?.median / ours.p50()?.median,
                Figure::Rate => ours.rows_per_second()?.median / theirs_found.rows_per_second()?.median,
            };
            let what = match figure {
                Figure::Time => "as fast as",
                Figure::Rate => "the rows a second of",
            };
            (format!("{} times {what} {theirs}", digits(*wanted)), format!("{} times", digits(found)), found >= *wanted)
        }
    };
    let title = crate::report::titles::TITLES.iter().find(|title| title.scenario == aim.scenario);
    let title = title.map_or(aim.scenario, |title| title.title);
    Some(format!("| {title}: {} {wanted} | {found} | {} |", aim.ours, if is_met { "met" } else { "**missed**" }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Round;

    fn entry(contender: &str, p50_ns: f64) -> Entry {
        let rounds = vec![Round { p50_ns, ..Round::default() }];
        let (note, failed) = (String::new(), None);
        let (scenario, contender) = ("latest".into(), contender.into());
        Entry { scenario, contender, rounds, memory_bytes: 0, disk_bytes: 0, note, failed }
    }

    #[test]
    fn an_aim_that_is_missed_says_so() {
        let entries = vec![entry("asofdb", 500.0), entry("RocksDB", 2_000.0), entry("hash map", 400.0)];
        let found = table(&Board { entries, ..Board::default() });
        assert!(found.contains("asofdb 8 times as fast as RocksDB | 4 times | **missed** |"), "{found}");
        assert!(found.contains("asofdb 0.667 times as fast as hash map | 0.8 times | met |"), "{found}");
    }

    #[test]
    fn a_peer_that_failed_makes_no_aim_met() {
        let failed = Entry { failed: Some("it is not installed".into()), ..entry("RocksDB", 1.0) };
        let found = table(&Board { entries: vec![entry("asofdb", 500.0), failed], ..Board::default() });
        assert_eq!(found, "");
    }
}
