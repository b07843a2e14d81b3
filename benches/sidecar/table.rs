//! Results as aligned text.

use crate::ROWS;
use crate::cores::Cores;
use crate::rounds::{BesideWriter, CLIENTS, Latency, PIPELINED, Rates, RoundTrips, micros};

/// The most that the sidecar may cost beside what the floor and the embedded read do, a number of rows each.
const AIM_MICROS: [f64; 3] = [3.0, 8.0, 40.0];

/// The first contender is the floor, the second the embedded store.
pub fn round_trips(cores: Cores, found: &[RoundTrips]) {
    println!("round trips, {}: microseconds, p50 / p99", cores.describe());
    println!("{:<24}{}", "", ROWS.map(|rows| format!("{:>22}", counted(rows, "row"))).concat());
    let [floor, embedded, ..] = found else { return };
    for contender in found {
        let cells: String = contender.latencies().map(|latency| format!("{:>22}", cell(latency))).collect();
        println!("{:<24}{cells}", contender.name);
        if contender.name.starts_with("sidecar") {
            let over = contender.over(&[floor, embedded]).into_iter().zip(AIM_MICROS);
            let cells: String = over.map(|(over, aim)| format!("{:>22}", format!("{over:+.1} (aim {aim})"))).collect();
            println!("{:<24}{cells}", "  over floor + embedded");
        }
    }
    println!();
}

pub fn throughput(cores: Cores, found: &[Rates]) {
    println!("requests of one row a second, {}", cores.describe());
    println!("{:<24}{:>22}{:>22}", "", format!("{CLIENTS} clients"), format!("1 client, {PIPELINED} deep"));
    for contender in found {
        let pipelined = contender.pipelined.map_or("-".to_owned(), |rate| format!("{rate:.0}"));
        println!("{:<24}{:>22.0}{pipelined:>22}", contender.name, contender.many_clients);
    }
    println!();
}

pub fn beside_a_writer(cores: Cores, found: &[BesideWriter]) {
    println!("one row beside a writer, {}: microseconds", cores.describe());
    println!("{:<24}{:>22}{:>22}{:>22}", "", "p50 / p99", "p99 over p50", "rows written a second");
    for contender in found {
        let latency = contender.latency;
        let ratio = micros(latency.p99) / micros(latency.p50);
        let written = contender.rows_written_a_second;
        println!("{:<24}{:>22}{ratio:>22.1}{written:>22.0}", contender.name, cell(latency));
    }
    println!();
}

fn cell(latency: Latency) -> String {
    format!("{:.1} / {:.1}", micros(latency.p50), micros(latency.p99))
}

/// `1 row`, `1000 rows`.
fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
