//! Documents as Markdown. Texts of definitions are escaped: they are text, whatever is in them.

use super::document::{Document, Table, Text};
use crate::statistics::markdown_section;

/// Marks that mean something within a line, or at the beginning of one.
const MARKS: &str = "\\`*_[]#+!|~@";

/// The page of a document.
pub(super) fn page(document: &Document) -> String {
    let mut page = format!("# {}\n\n{}\n", escaped(&document.title), escaped(&document.kind));
    if !document.description.is_empty() {
        page += &format!("\n{}\n", escaped(&document.description));
    }
    if !document.facts.is_empty() {
        page += "\n";
    }
    for (name, values) in &document.facts {
        let values: Vec<_> = values.iter().map(|value| linked(document, value)).collect();
        page += &format!("- {name}: {}\n", values.join(", "));
    }
    document.tables.iter().for_each(|table| page += &of_table(document, table));
    page += &document.statistics.as_ref().map(markdown_section).unwrap_or_default();
    if !document.snippets.is_empty() {
        page += "\n## How to read it\n";
    }
    for (language, text) in &document.snippets {
        page += &format!("\n```{language}\n{text}\n```\n");
    }
    page
}

fn of_table(document: &Document, table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let heads = table.heads.iter().map(|head| (*head).to_owned()).collect();
    let rule = table.heads.iter().map(|_| "---".to_owned()).collect();
    let rows = table.rows.iter().map(|row| line(row.iter().map(|cell| linked(document, cell)).collect()));
    format!("\n## {}\n\n{}{}{}", table.title, line(heads), line(rule), rows.collect::<String>())
}

fn linked(document: &Document, text: &Text) -> String {
    let shown = escaped(&text.text);
    match &text.to {
        Some(to) => format!("[{shown}]({}{to}.md)", document.root()),
        None => shown,
    }
}

/// A text in which nothing is markup, in one line.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            letter if letter.is_control() => out.push(' '),
            letter => {
                if MARKS.contains(letter) {
                    out.push('\\');
                }
                out.push(letter);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_text_is_markup() {
        let hostile = "<script>alert(1)</script> [a](javascript:x) | `b` *c* \n# d";
        let expected = "&lt;script&gt;alert(1)&lt;/script&gt; \\[a\\](javascript:x) \\| \\`b\\` \\*c\\*  \\# d";
        assert_eq!(escaped(hostile), expected);
    }
}
