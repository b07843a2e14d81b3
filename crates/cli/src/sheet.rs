//! Rows and columns of text: what tables and CSV are made of.

/// The meaning of a cell, which a terminal shows by colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Bad,
    Warning,
    Note,
    Faint,
    Strong,
}

/// One cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    /// For CSV, and for tables where there is nothing better to show. `None`: nothing is there.
    pub(crate) text: Option<String>,
    /// For tables, where that is easier to read.
    pub(crate) shown: Option<String>,
    pub(crate) tone: Tone,
}

impl Cell {
    #[allow(clippy::needless_pass_by_value, reason = "numbers, times and texts alike, at many places")]
    pub(crate) fn new(text: impl ToString) -> Self {
        Cell { text: Some(text.to_string()), ..Cell::default() }
    }

    /// A cell that may have nothing in it.
    pub(crate) fn optional(text: Option<impl ToString>) -> Self {
        Cell { text: text.map(|text| text.to_string()), ..Cell::default() }
    }

    pub(crate) fn shown(mut self, shown: impl Into<String>) -> Self {
        self.shown = Some(shown.into());
        self
    }

    pub(crate) fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// Returns the text that a table shows.
    pub(crate) fn display(&self) -> &str {
        self.shown.as_deref().or(self.text.as_deref()).unwrap_or("-")
    }
}

/// The formats in which a column is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Everywhere,
    TableOnly,
    CsvOnly,
}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) right: bool,
    pub(crate) place: Place,
}

impl Column {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Column { name: name.into(), right: false, place: Place::Everywhere }
    }

    /// A column of numbers.
    pub(crate) fn right(name: impl Into<String>) -> Self {
        Column { right: true, ..Column::new(name) }
    }

    pub(crate) fn place(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
}

/// Rows under named columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sheet {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Sheet {
    pub(crate) fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Sheet { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// The columns that are there in one format, or in all of them.
    pub(crate) fn at(&self, place: Place) -> Sheet {
        let kept: Vec<usize> = (0..self.columns.len())
            .filter(|index| [Place::Everywhere, place].contains(&self.columns[*index].place))
            .collect();
        Sheet {
            columns: kept.iter().map(|index| self.columns[*index].clone()).collect(),
            rows: self.rows.iter().map(|row| kept.iter().map(|index| row[*index].clone()).collect()).collect(),
        }
    }

    /// Writes CSV (RFC 4180) with a header. Nothing is an empty field, the empty text a quoted one.
    pub(crate) fn to_csv(&self) -> String {
        let sheet = self.at(Place::CsvOnly);
        let mut out = String::new();
        push_line(&mut out, sheet.columns.iter().map(|column| Some(column.name.as_str())));
        for row in &sheet.rows {
            push_line(&mut out, row.iter().map(|cell| cell.text.as_deref()));
        }
        out
    }
}

fn push_line<'a>(out: &mut String, fields: impl Iterator<Item = Option<&'a str>>) {
    for (index, field) in fields.enumerate() {
        if index > 0 {
            out.push(',');
        }
        match field {
            Some(text) if text.is_empty() || text.contains([',', '"', '\n', '\r']) => {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            }
            Some(text) => out.push_str(text),
            None => {}
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_needs_it_and_tells_nothing_from_the_empty_text() {
        let mut sheet = Sheet::new([Column::new("a"), Column::new("b,c"), Column::new("age").place(Place::TableOnly)]);
        sheet.push(vec![Cell::new("x \"y\""), Cell::new(""), Cell::new("1d")]);
        sheet.push(vec![Cell::optional(None::<String>), Cell::new("two\nlines"), Cell::new("2d")]);
        assert_eq!(sheet.to_csv(), "a,\"b,c\"\n\"x \"\"y\"\"\",\"\"\n,\"two\nlines\"\n");
    }
}
