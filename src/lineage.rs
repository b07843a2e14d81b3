//! Lineage: what features are computed from, down to the rows and events that are stored.

use std::sync::Arc;

use asofdb_expression::{Input, Program};
use asofdb_storage::{
    Aggregate, Catalog, Error, Feature, FeatureView, RequestValue, Result, Span, Window, WindowedFeature,
};

use crate::definitions::reference::{ResolvedFeature, find_feature, find_view, resolve};
use crate::derived::plan::compile;
use crate::windows::plan::windowed_features;

/// The lineage of some features: all that they are computed from.
#[derive(Debug, Clone)]
pub struct Lineage {
    /// The features, each once: those that were asked for, in their order, each followed by what it is computed from and
    /// has not come before.
    pub features: Vec<LineageFeature>,
}

/// One feature, and how it comes to its value.
#[derive(Debug, Clone)]
pub struct LineageFeature {
    /// Its view.
    pub view: Arc<FeatureView>,
    /// The feature.
    pub feature: Feature,
    /// The way in which it comes to its value.
    pub origin: Origin,
}

/// The way in which a feature comes to its value.
#[derive(Debug, Clone)]
pub enum Origin {
    /// It is stored.
    Stored,
    /// By a window over events.
    Window(WindowOrigin),
    /// By an expression over other features and values of the request.
    Expression {
        /// The expression, compiled. It tells its inputs, its plan and SQL that means the same.
        program: Box<Program>,
        /// Those values of the request that it reads.
        request: Vec<RequestValue>,
    },
}

/// A window over events, and what it makes of them.
#[derive(Debug, Clone)]
pub struct WindowOrigin {
    /// The event view, or its index.
    pub from: Arc<FeatureView>,
    /// The entities by which the events are found, where that is by an index of the event view.
    pub also_by: Option<Vec<String>>,
    /// The function.
    pub aggregate: Aggregate,
    /// The column that it is of; `None` counts events.
    pub of: Option<String>,
    /// The conditions that an event must meet, that of the view first.
    pub conditions: Vec<String>,
    /// The window.
    pub window: Window,
    /// The window ends at multiples of this since 1970; `None`: at any time.
    pub every: Option<Span>,
    /// The window ends this long before the time asked about.
    pub offset: Span,
}

/// One thing that a feature is computed from.
#[derive(Debug, Clone, Copy)]
pub enum LineageInput<'l> {
    /// The events of a view.
    Events(&'l FeatureView),
    /// A value of the request.
    Request(&'l RequestValue),
    /// Another feature: its name and its type.
    Feature(&'l Input),
}

impl Lineage {
    /// The lineage of features: `view:feature`, `view:*`, a view or a service.
    ///
    /// # Errors
    /// As [`Session::prepare`](crate::Session::prepare).
    pub fn of<S: AsRef<str>>(catalog: &Catalog, references: &[S]) -> Result<Self> {
        let mut lineage = Lineage { features: Vec::new() };
        resolve(catalog, references)?.into_iter().try_for_each(|feature| lineage.add(catalog, feature))?;
        Ok(lineage)
    }

    /// A feature of it by its reference.
    pub fn find(&self, reference: &str) -> Option<&LineageFeature> {
        self.features.iter().find(|one| one.reference() == reference)
    }

    /// Adds a feature with what it is computed from. What is there already is not followed again, so that this ends.
    fn add(&mut self, catalog: &Catalog, resolved: ResolvedFeature) -> Result<()> {
        let id = (resolved.view.id, resolved.feature.id);
        if self.features.iter().any(|known| (known.view.id, known.feature.id) == id) {
            return Ok(());
        }
        let origin = origin_of(catalog, &resolved)?;
        let inputs: Vec<_> = match &origin {
            Origin::Expression { program, .. } => program.inputs().iter().map(|input| input.name.clone()).collect(),
            _ => Vec::new(),
        };
        self.features.push(LineageFeature { view: resolved.view, feature: resolved.feature, origin });
        for input in inputs {
            let Some(view) = &input.view else { continue };
            let view = find_view(catalog, view)?.clone();
            let feature = find_feature(&view, &input.name)?.clone();
            self.add(catalog, ResolvedFeature { view, feature })?;
        }
        Ok(())
    }
}

impl LineageFeature {
    /// `view:feature`.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.view.name, self.feature.name)
    }

    /// Returns what it is computed from, itself and not through others; nothing where it is stored.
    pub fn inputs(&self) -> Vec<LineageInput<'_>> {
        match &self.origin {
            Origin::Stored => Vec::new(),
            Origin::Window(window) => vec![LineageInput::Events(&window.from)],
            Origin::Expression { program, request } => {
                program.inputs().iter().filter_map(|input| input_of(input, request)).collect()
            }
        }
    }
}

fn input_of<'l>(input: &'l Input, request: &'l [RequestValue]) -> Option<LineageInput<'l>> {
    match &input.name.view {
        Some(_) => Some(LineageInput::Feature(input)),
        None => request.iter().find(|value| value.name == input.name.name).map(LineageInput::Request),
    }
}

fn origin_of(catalog: &Catalog, resolved: &ResolvedFeature) -> Result<Origin> {
    let ResolvedFeature { view, feature } = resolved;
    if view.windows().is_some() {
        return window_of(catalog, resolved).map(Origin::Window);
    }
    let Some(expressions) = view.expressions() else { return Ok(Origin::Stored) };
    let program = compile(catalog, view, feature)?;
    let is_read = |value: &&RequestValue| {
        program.inputs().iter().any(|input| input.name.view.is_none() && input.name.name == value.name)
    };
    let request = expressions.request.iter().filter(is_read).cloned().collect();
    Ok(Origin::Expression { program: Box::new(program), request })
}

fn window_of(catalog: &Catalog, resolved: &ResolvedFeature) -> Result<WindowOrigin> {
    let no_window = || Error::internal(format!("no window gives {}", resolved.reference()));
    let view = &resolved.view;
    let windows = view.windows().ok_or_else(no_window)?;
    let events = find_view(catalog, &windows.from)?;
    let from = catalog.events_by(&windows.from, &view.entities).unwrap_or(events);
    let windowed = windowed_features(view, from)?;
    let is_it = |windowed: &WindowedFeature<'_>| windowed.name == resolved.feature.name;
    let WindowedFeature { aggregate, of, window, .. } = windowed.into_iter().find(is_it).ok_or_else(no_window)?;
    Ok(WindowOrigin {
        from: from.clone(),
        also_by: (from.id != events.id).then(|| from.entities.clone()),
        aggregate,
        of: of.of.clone(),
        conditions: windows.condition.iter().chain(&of.condition).cloned().collect(),
        window: window.clone(),
        every: windows.every,
        offset: windows.offset,
    })
}
