//! What was found, for people: tables, aims and plots.

mod aims;
mod numbers;
mod plot;
mod tables;
mod titles;

use std::path::{Path, PathBuf};

use crate::contender::Fallible;
use crate::results::Board;

/// The lines of a page between which tables are put.
const BEGIN: &str = "<!-- scoreboard -->";
const END: &str = "<!-- end of scoreboard -->";

/// Merges results, and writes what is wanted of them: tables to a page, or to standard output; a plot; one JSON file.
///
/// # Errors
/// When a file cannot be read or written, or the page lacks the markers.
pub fn write_report(
    results: &[PathBuf],
    page: Option<&Path>,
    plot: Option<&Path>,
    json: Option<&Path>,
) -> Fallible<()> {
    let board = merged(results)?;
    let text = tables::markdown(&board);
    match page {
        Some(page) => std::fs::write(page, between(&std::fs::read_to_string(page)?, &text)?)?,
        None => println!("{text}"),
    }
    if let Some(plot) = plot {
        std::fs::write(plot, plot::svg(&board))?;
    }
    if let Some(json) = json {
        std::fs::write(json, serde_json::to_string_pretty(&board)? + "\n")?;
    }
    Ok(())
}

fn merged(results: &[PathBuf]) -> Fallible<Board> {
    let mut board = Board::default();
    for path in results {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let more: Board = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        board.about.extend(more.about);
        for entry in more.entries {
            let same = |there: &crate::results::Entry| {
                (&there.scenario, &there.contender) == (&entry.scenario, &entry.contender)
            };
            match board.entries.iter_mut().find(|there| same(there)) {
                Some(there) => *there = entry,
                None => board.entries.push(entry),
            }
        }
    }
    Ok(board)
}

fn between(page: &str, text: &str) -> Fallible<String> {
    let (before, rest) = page.split_once(BEGIN).ok_or_else(|| format!("the page has no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).ok_or_else(|| format!("the page has no line {END}"))?;
    Ok(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_go_between_the_markers_of_a_page_and_nowhere_else() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let found = between(&page, "new").expect("a page with markers");
        assert_eq!(found, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert!(between("no markers", "new").is_err());
    }
}
