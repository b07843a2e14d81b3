//! Lineage for people: what features are computed from and how, in words.

use std::collections::{BTreeSet, HashSet};

use asofdb::{AsJson, Lineage, LineageFeature, LineageInput, Origin, RequestValue, Result, WindowOrigin};
use serde_json::Value as Json;

/// A lineage with its form in JSON, from which the words for people are made, too.
#[derive(Debug)]
pub struct LineageText {
    /// The lineage.
    pub lineage: Lineage,
    /// Its form in JSON: a list of features.
    pub json: Json,
}

impl LineageText {
    /// The text of a lineage.
    ///
    /// # Errors
    /// `Internal` only.
    pub fn new(lineage: Lineage) -> Result<Self> {
        Ok(LineageText { json: AsJson(&lineage).to_tree()?, lineage })
    }

    /// Says in one line how a feature comes to its value.
    pub fn how(&self, one: &LineageFeature) -> String {
        match &one.origin {
            Origin::Stored => "stored".to_owned(),
            Origin::Expression { program, .. } => program.text().to_owned(),
            Origin::Window(window) => self.of_window(&one.reference(), window),
        }
    }

    fn of_window(&self, reference: &str, window: &WindowOrigin) -> String {
        let aggregate = self.aggregate(reference, window);
        let of = window.of.as_deref().unwrap_or("events");
        let mut text = format!("{aggregate} of {of} in {} over {}", window.from.name, window.window);
        if !window.conditions.is_empty() {
            text.push_str(&format!(", where {}", all_of(&window.conditions)));
        }
        if let Some(every) = window.every {
            text.push_str(&format!(", every {every}"));
        }
        if window.offset != asofdb::Span::ZERO {
            text.push_str(&format!(", offset {}", window.offset));
        }
        text
    }

    /// An aggregate with its settings: `last_k(k=2, distinct=true)`.
    pub fn aggregate(&self, reference: &str, window: &WindowOrigin) -> String {
        let json = self.json.as_array().into_iter().flatten().find(|json| json["feature"] == reference);
        let settings = json.and_then(|json| json["settings"].as_object());
        let settings: Vec<_> = settings.into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
        match settings.is_empty() {
            true => window.aggregate.name().to_owned(),
            false => format!("{}({})", window.aggregate.name(), settings.join(", ")),
        }
    }

    /// The lines of a feature and of all that it is computed from, each a step further in; what has been shown is not
    /// followed again.
    pub fn tree(&self, root: &LineageFeature) -> Vec<String> {
        let mut lines = Vec::new();
        self.branch(root, 0, &mut HashSet::new(), &mut lines);
        lines
    }

    fn branch(&self, one: &LineageFeature, depth: usize, seen: &mut HashSet<String>, lines: &mut Vec<String>) {
        let (reference, indent) = (one.reference(), "  ".repeat(depth));
        let is_new = seen.insert(reference.clone());
        let above = if is_new || one.inputs().is_empty() { "" } else { " (see above)" };
        lines.push(format!("{indent}{reference}: {}, {}{above}", one.feature.ty, self.how(one)));
        if !is_new {
            return;
        }
        for input in one.inputs() {
            match input {
                LineageInput::Events(view) => lines.push(format!("{indent}  events of {}", view.name)),
                LineageInput::Request(value) => lines.push(format!("{indent}  {}", of_request(value))),
                LineageInput::Feature(input) => match self.lineage.find(&input.name.reference()) {
                    Some(one) => self.branch(one, depth + 1, seen, lines),
                    None => lines.push(format!("{indent}  {}: {}", input.name.reference(), input.ty)),
                },
            }
        }
    }

    /// Returns what all of it is computed from in the end: events, rows and values of the request.
    pub fn leaves(&self) -> String {
        let mut leaves = BTreeSet::new();
        for one in &self.lineage.features {
            if matches!(one.origin, Origin::Stored) {
                leaves.insert(format!("rows of {}", one.view.name));
            }
            for input in one.inputs() {
                match input {
                    LineageInput::Events(view) => leaves.insert(format!("events of {}", view.name)),
                    LineageInput::Request(value) => leaves.insert(format!("request value {}", value.name)),
                    LineageInput::Feature(_) => false,
                };
            }
        }
        leaves.into_iter().collect::<Vec<_>>().join(", ")
    }
}

fn of_request(value: &RequestValue) -> String {
    let optional = if value.required { "" } else { ", may be left out" };
    format!("{}: {}, a value of the request{optional}", value.name, value.ty)
}

/// Conditions that must hold together, as one.
pub fn all_of(conditions: &[String]) -> String {
    match conditions {
        [one] => one.clone(),
        many => many.iter().map(|one| format!("({one})")).collect::<Vec<_>>().join(" and "),
    }
}
