//! The meaning of a feature as text: all that its value depends on besides rows and events.

use std::fmt::Write;

use asofdb_storage::{Catalog, Result};

use crate::lineage::{Lineage, LineageFeature, Origin, WindowOrigin};

/// The meaning of a feature: a line for itself, and one for each feature that it is computed from. Two features of the
/// same meaning give the same values of the same rows and events.
///
/// # Errors
/// As [`Lineage::of`].
pub fn feature_meaning(catalog: &Catalog, reference: &str) -> Result<String> {
    let lineage = Lineage::of(catalog, &[reference])?;
    let lines: Vec<_> = lineage.features.iter().map(|feature| line(catalog, feature)).collect();
    Ok(lines.join("\n"))
}

fn line(catalog: &Catalog, of: &LineageFeature) -> String {
    let mut line = format!("{} {}, view {}, feature {}", of.reference(), of.feature.ty, of.view.id, of.feature.id.0);
    if let Some(default) = &of.feature.default {
        // Debug text tells -0.0 from 0.0, and texts from numbers.
        let _ = write!(line, ", default {default:?}");
    }
    if let Some(ttl) = of.view.ttl {
        let _ = write!(line, ", ttl {ttl}");
    }
    match &of.origin {
        Origin::Stored => {}
        Origin::Window(window) => line.push_str(&window_text(window)),
        Origin::Expression { .. } => {
            let expressions = catalog.view(&of.view.name).and_then(|view| view.expressions());
            let expression = expressions.and_then(|expressions| expressions.of.get(&of.feature.name));
            let _ = write!(line, ", expression {:?}", expression.map_or("", String::as_str));
        }
    }
    line
}

fn window_text(window: &WindowOrigin) -> String {
    let WindowOrigin { from, also_by, aggregate, of, conditions, window, every, offset } = window;
    let mut text =
        format!(", {aggregate:?} of {} of events of {} ({})", of.as_deref().unwrap_or("*"), from.name, from.id);
    let _ = write!(text, " in {window}");
    if let Some(entities) = also_by {
        let _ = write!(text, ", by {}", entities.join(", "));
    }
    if !conditions.is_empty() {
        let _ = write!(text, ", where {}", conditions.join(" and "));
    }
    if let Some(every) = every {
        let _ = write!(text, ", every {every}");
    }
    let _ = write!(text, ", offset {offset}");
    text
}

/// The first line in which two meanings differ, as they have it.
pub fn difference(then: &str, now: &str) -> Option<(String, String)> {
    let (mut then, mut now) = (then.lines(), now.lines());
    loop {
        match (then.next(), now.next()) {
            (None, None) => return None,
            (then, now) if then == now => {}
            (then, now) => return Some((then.unwrap_or("").to_owned(), now.unwrap_or("").to_owned())),
        }
    }
}
