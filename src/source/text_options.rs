//! Options for reading files of text.

use arrow::datatypes::Schema;

use super::delimiter::Delimiter;

/// Options for reading text formats (CSV and NDJSON). Other formats say themselves what they hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions<'h> {
    /// The types of columns, by name. A column that is not in the hint is carried along as it is written: text, or in
    /// NDJSON the kind of its JSON values where every row has that kind and no digit is lost.
    pub hint: Option<&'h Schema>,
    /// No other columns than those of the hint will be read.
    pub only_hinted: bool,
    /// The delimiter between the fields of CSV; `None`: a tab where the file's name ends in `.tsv`, else a comma.
    pub delimiter: Option<Delimiter>,
}

impl<'h> TextOptions<'h> {
    /// Reads columns as what the hint says, and carries the others along.
    pub fn hinted(hint: &'h Schema) -> Self {
        TextOptions { hint: Some(hint), ..TextOptions::default() }
    }
}
