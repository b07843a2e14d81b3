//! Results as Markdown.

use crate::report::aims;
use crate::report::numbers::{digits, mib, rows, time};
use crate::report::titles::{TITLES, Title};
use crate::results::{Board, Entry, Spread};

/// All tables: what was measured on, a table a scenario, the aims.
pub fn markdown(board: &Board) -> String {
    let mut out = about(board);
    for title in TITLES {
        let entries: Vec<&Entry> = board.entries.iter().filter(|entry| entry.scenario == title.scenario).collect();
        if !entries.is_empty() {
            out += &scenario(title, &entries);
        }
    }
    let aims = aims::table(board);
    if !aims.is_empty() {
        out += &format!("### Aims\n\n{aims}");
    }
    out
}

fn about(board: &Board) -> String {
    let (loads, facts): (Vec<_>, Vec<_>) = board.about.iter().partition(|(name, _)| name.starts_with("load before "));
    let mut parts: Vec<String> = facts.iter().map(|(name, fact)| format!("{name}: {fact}")).collect();
    let loads = Spread::of(loads.iter().filter_map(|(_, load)| load.parse().ok()));
    if let Some(loads) = loads {
        parts.push(format!("load of the machine before a scenario: {} to {}", digits(loads.least), digits(loads.most)));
    }
    match parts.is_empty() {
        true => String::new(),
        false => format!("{}.\n\n", parts.join("; ")),
    }
}

fn scenario(title: &Title, entries: &[&Entry]) -> String {
    let (counted, name) = (title.counted, title.title);
    let mut sorted: Vec<&&Entry> = entries.iter().collect();
    let place = |entry: &Entry| entry.p50().filter(|_| entry.failed.is_none()).map_or(f64::INFINITY, |p50| p50.median);
    sorted.sort_by(|left, right| place(left).total_cmp(&place(right)));
    let mut out = format!("### {name}\n\n");
    out += &format!(
        "| fastest first | p50 (least–most) | p99 | p99.9 | {counted}/s | CPU µs each | MiB | MiB on disk |\n"
    );
    out += "|---|---|---|---|---|---|---|---|\n";
    let mut notes = Vec::new();
    for entry in sorted {
        match &entry.failed {
            None => out += &line(entry),
            Some(why) => notes.push(format!("{} was not measured: {why}.", entry.contender)),
        }
        if !entry.note.is_empty() && entry.failed.is_none() {
            notes.push(format!("{}: {}.", entry.contender, entry.note));
        }
    }
    if !notes.is_empty() {
        out += &format!("\n{}\n", notes.join(" "));
    }
    out + "\n"
}

fn line(entry: &Entry) -> String {
    let Some(p50) = entry.p50() else { return String::new() };
    let median = |spread: Option<Spread>, say: fn(f64) -> String| spread.map_or("–".into(), |found| say(found.median));
    let name = match entry.contender.contains("asofdb") {
        true => format!("**{}**", entry.contender),
        false => entry.contender.clone(),
    };
    let spread = match entry.rounds.len() {
        1 => time(p50.median),
        _ => format!("{} ({}–{})", time(p50.median), time(p50.least), time(p50.most)),
    };
    format!(
        "| {name} | {spread} | {} | {} | {} | {} | {} | {} |\n",
        median(entry.p99(), time),
        median(entry.p999(), time),
        median(entry.rows_per_second(), rows),
        median(entry.cpu_us_per_row(), digits),
        mib(entry.memory_bytes),
        mib(entry.disk_bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Round;

    fn entry(contender: &str, times: &[f64]) -> Entry {
        let round =
            |p50_ns: &f64| Round { p50_ns: *p50_ns, rows_per_second: 2e6, cpu_us_per_row: 0.5, ..Round::default() };
        Entry {
            scenario: "latest".into(),
            contender: contender.into(),
            rounds: times.iter().map(round).collect(),
            memory_bytes: 1 << 20,
            disk_bytes: 0,
            note: String::new(),
            failed: None,
        }
    }

    #[test]
    fn a_table_has_the_fastest_first_and_says_who_was_not_measured() {
        let failed = Entry { failed: Some("fjall is broken".into()), ..entry("fjall", &[]) };
        let entries = vec![entry("asofdb", &[700.0, 600.0, 650.0]), failed, entry("RocksDB", &[300.0])];
        let text = markdown(&Board { entries, ..Board::default() });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[4], "| RocksDB | 300 ns | – | – | 2M | 0.5 | 1 | – |");
        assert_eq!(lines[5], "| **asofdb** | 650 ns (600 ns–700 ns) | – | – | 2M | 0.5 | 1 | – |");
        assert_eq!(lines[7], "fjall was not measured: fjall is broken.");
    }
}
