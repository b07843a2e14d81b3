//! Sheets as tables in a terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{
    Attribute, Cell as TableCell, CellAlignment, Color, ContentArrangement, LineStyle, Table, TableStyle,
};

use super::sheet::{Cell, Column, Place, Sheet, Tone};
use super::terminal::Terminal;

/// Light lines all over, round corners.
const STYLE: TableStyle = UTF8_FULL_CONDENSED
    .with_solid_inner_borders()
    .with_rounded_corners()
    .row_separator(LineStyle::none())
    .header_separator(LineStyle::new('├', '─', '┼', '┤'));

/// The least width of a column: where a table does not fit with it, each row is shown from top to bottom.
const COLUMN_CHARACTERS_MIN: usize = 12;

/// Longest text of a cell; JSON and CSV have all of it.
const CELL_CHARACTERS_MAX: usize = 100;

/// Renders the sheet for standard output: coloured and wrapped on a terminal, plain elsewhere.
pub(crate) fn render(sheet: &Sheet) -> String {
    let sheet = sheet.at(Place::TableOnly);
    if sheet.rows.is_empty() || sheet.columns.is_empty() {
        return String::new();
    }
    let terminal = Terminal::of_stdout();
    let table = horizontal(&sheet, terminal);
    let wide = natural_width(&table) > terminal.width.unwrap_or(usize::MAX);
    let squeezed = sheet.columns.len() * COLUMN_CHARACTERS_MIN > terminal.width.unwrap_or(usize::MAX);
    if wide && squeezed { vertical(&sheet, terminal) } else { text(&table) }
}

fn new_table(terminal: Terminal) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).force_no_tty().set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = terminal.width {
        table.set_width(width.try_into().unwrap_or(u16::MAX));
    }
    if terminal.colours {
        table.enforce_styling();
    }
    table
}

fn horizontal(sheet: &Sheet, terminal: Terminal) -> Table {
    let mut table = new_table(terminal);
    table.set_header(sheet.columns.iter().map(header));
    for row in &sheet.rows {
        table.add_row(row.iter().map(table_cell));
    }
    for (index, column) in sheet.columns.iter().enumerate() {
        if let Some(styled) = table.column_mut(index).filter(|_| column.right) {
            styled.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// One small table a row: a line for each column.
fn vertical(sheet: &Sheet, terminal: Terminal) -> String {
    let mut out = String::new();
    for row in &sheet.rows {
        let mut table = new_table(terminal);
        for (column, cell) in sheet.columns.iter().zip(row) {
            table.add_row(vec![header(column), table_cell(cell)]);
        }
        out.push_str(&text(&table));
    }
    out
}

fn header(column: &Column) -> TableCell {
    TableCell::new(&column.name).add_attribute(Attribute::Bold)
}

fn table_cell(cell: &Cell) -> TableCell {
    let styled = TableCell::new(printable(cell.display()));
    match cell.tone {
        Tone::Plain => styled,
        Tone::Good => styled.fg(Color::Green),
        Tone::Bad => styled.fg(Color::Red),
        Tone::Warning => styled.fg(Color::Yellow),
        Tone::Note => styled.fg(Color::Blue),
        Tone::Faint => styled.fg(Color::DarkGrey),
        Tone::Strong => styled.add_attribute(Attribute::Bold),
    }
}

/// Stored text must not move the cursor or change colours of the terminal, nor fill it.
fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(CELL_CHARACTERS_MAX).flat_map(escaped).collect();
    if text.chars().nth(CELL_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

fn escaped(c: char) -> Vec<char> {
    if c.is_control() { c.escape_default().collect() } else { vec![c] }
}

fn natural_width(table: &Table) -> usize {
    let content: usize = table.column_max_content_widths().into_iter().map(usize::from).sum();
    content + 3 * table.column_iter().count() + 1
}

fn text(table: &Table) -> String {
    table.lines().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Terminal = Terminal { width: None, colours: false };

    fn sheet() -> Sheet {
        let mut sheet = Sheet::new([Column::new("feature"), Column::right("value")]);
        sheet.push(vec![Cell::new("temp"), Cell::new("39.02")]);
        sheet.push(vec![Cell::new("gust\u{1b}[2J"), Cell::optional(None::<String>).tone(Tone::Bad)]);
        sheet
    }

    #[test]
    fn numbers_stand_right_and_control_characters_are_escaped() {
        let expected = "\
╭───────────────┬───────╮
│ feature       │ value │
├───────────────┼───────┤
│ temp          │ 39.02 │
│ gust\\u{1b}[2J │     - │
╰───────────────┴───────╯
";
        assert_eq!(text(&horizontal(&sheet(), PLAIN)), expected);
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(printable(&"x".repeat(100)).chars().count(), 100);
        assert_eq!(printable(&"é".repeat(101)), format!("{}…", "é".repeat(100)));
    }

    #[test]
    fn colours_are_there_only_where_they_are_wanted() {
        assert!(!text(&horizontal(&sheet(), PLAIN)).contains('\u{1b}'));
        let coloured = text(&horizontal(&sheet(), Terminal { width: Some(80), colours: true }));
        assert!(coloured.contains("\u{1b}["));
        let vertical = vertical(&sheet(), Terminal { width: Some(12), colours: false });
        assert!(vertical.lines().all(|line| line.chars().count() <= 12), "{vertical}");
    }
}
