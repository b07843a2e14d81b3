//! Lineage for people: what features are computed from, as a sheet.

use asofdb_platform::LineageText;

use super::sheet::{Cell, Column, Sheet, Tone};

/// A line a feature: each once, in the order of the lineage.
pub(crate) fn sheet(shown: &LineageText) -> Sheet {
    let mut sheet = Sheet::new(["feature", "type", "kind", "computed"].map(Column::new));
    for one in &shown.lineage.features {
        sheet.push(vec![
            Cell::new(one.reference()).tone(Tone::Strong),
            Cell::new(one.feature.ty),
            Cell::new(one.view.kind()).tone(Tone::Faint),
            Cell::new(shown.how(one)),
        ]);
    }
    sheet
}
