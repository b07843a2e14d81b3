//! The table at the end of a run.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};

use crate::Done;

/// Columns of a terminal that the table takes at the most.
const WIDTH: u16 = 140;

/// The table of all parts: what was tried, what was counted, the time, and whether anything is wrong.
pub fn table(done: &[Done]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(["part", "tried", "counted", "seconds", "faults"]);
    for Done { part, report, took } in done {
        let faults = if report.faults().is_empty() { "none".to_owned() } else { report.faults().len().to_string() };
        let seconds = format!("{:.0}", took.as_secs_f64());
        table.add_row([part.name.to_owned(), part.about.to_owned(), report.lines().join("\n"), seconds, faults]);
    }
    table.to_string()
}
